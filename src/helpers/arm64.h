/* SPDX-License-Identifier: GPL-2.0 */
/* What the generic page-table accessors leave to arm64. */
#ifndef MEMINTRO_ARM64_H
#define MEMINTRO_ARM64_H

#include <linux/memory_hotplug.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>
#include <asm/cpufeature.h>
#include <asm/fixmap.h>
#include <asm/memory.h>
#include <asm/sysreg.h>

/*
 * The flags of a leaf of any level: they share their bits. A user page that
 * may only be executed lacks PTE_USER; a kernel page has PTE_UXN.
 */
static inline u32 arch_leaf_flags(pte_t pte)
{
	bool user = pte_user(pte) || pte_user_exec(pte);
	bool exec = user ? pte_user_exec(pte) : !(pte_val(pte) & PTE_PXN);
	u32 flags = user ? MEMINTRO_USER : 0;

	if (pte_user(pte) || !user)
		flags |= MEMINTRO_READ;
	if (pte_write(pte))
		flags |= MEMINTRO_WRITE;
	flags |= exec ? MEMINTRO_EXEC : MEMINTRO_NX;
	/* PROT_NONE, or a huge page that is being split. */
	if (!(pte_val(pte) & PTE_VALID))
		flags &= ~(MEMINTRO_READ | MEMINTRO_WRITE | MEMINTRO_EXEC);
	if (!(pte_val(pte) & PTE_NG))
		flags |= MEMINTRO_GLOBAL;
	return flags;
}

/* Linux sets MAIR_EL1 as arch_cache() says. */
static inline u64 arch_cache_types(void) { return 0; }

/* The type of memory that the value of a leaf asks for. */
static inline u32 arch_cache(u64 value, unsigned int level)
{
	u32 cache;

	switch ((value & PTE_ATTRINDX_MASK) >> 2) {
	case MT_NORMAL:
		cache = MEMINTRO_CACHE_NORMAL;
		break;
	case MT_NORMAL_TAGGED:
		cache = MEMINTRO_CACHE_TAGGED;
		break;
	case MT_NORMAL_NC:
		cache = MEMINTRO_CACHE_NC;
		break;
	default:
		cache = MEMINTRO_CACHE_DEVICE;
	}
	return cache << MEMINTRO_CACHE_SHIFT;
}

/* The protection key of a user's leaf, if the processor heeds it. */
static inline u32 arch_pkey(u64 value)
{
	if (!system_supports_poe())
		return 0;
	return MEMINTRO_HAS_PKEY |
		(u32)((value & PTE_PO_IDX_MASK) >> 60) << MEMINTRO_PKEY_SHIFT;
}

/*
 * What a table entry allows. Linux sets PXN for user tables and UXN for kernel
 * tables, which takes nothing from the half that the table serves.
 */
static inline u32 arch_table_flags(pteval_t bits, bool top)
{
	return MEMINTRO_READ | MEMINTRO_WRITE | MEMINTRO_EXEC | MEMINTRO_USER;
}

static inline pteval_t arch_pmd_bits(pmd_t pmd) { return pmd_val(pmd); }
static inline pteval_t arch_pud_bits(pud_t pud) { return pud_val(pud); }
static inline pteval_t arch_p4d_bits(p4d_t p4d) { return p4d_val(p4d); }
static inline pteval_t arch_pgd_bits(pgd_t pgd) { return pgd_val(pgd); }

/*
 * The kernel is built with 2 to 5 levels, and may run with one less. It has no
 * accessor for a level that it is built without: no table of that is ever read.
 */
static inline u64 arch_pmd_next(pmd_t pmd) { return pmd_page_paddr(pmd); }

static inline u64 arch_pud_next(pud_t pud)
{
#if CONFIG_PGTABLE_LEVELS > 2
	return pud_page_paddr(pud);
#else
	return MEMINTRO_NO_PA;
#endif
}

static inline u64 arch_p4d_next(p4d_t p4d)
{
#if CONFIG_PGTABLE_LEVELS > 3
	return p4d_page_paddr(p4d);
#else
	return MEMINTRO_NO_PA;
#endif
}

static inline u64 arch_pgd_next(pgd_t pgd)
{
#if CONFIG_PGTABLE_LEVELS > 4
	return pgd_page_paddr(pgd);
#else
	return MEMINTRO_NO_PA;
#endif
}

/* An entry without its address. */
static inline u64 arch_pte_bits(pte_t pte)
{
	return pgprot_val(pte_pgprot(pte));
}

/*
 * The entry alone. ptep_get_lockless() would read its whole contiguous block, and
 * loop while another processor changes that.
 */
static inline pte_t arch_pte_get(const pte_t *pte)
{
	return __ptep_get((pte_t *)pte);
}

/*
 * A frame without PROT_NS_SHARED, by which a realm says that the host may see
 * the page.
 */
static inline u64 arch_frame(u64 pfn)
{
	return pfn & ~pte_pfn(__pte(prot_ns_shared));
}

/* The bits of an entry that hold the number of its frame: the part below 2^50. */
#define ARCH_FRAME_MASK (PTE_ADDR_LOW & ~prot_ns_shared)
static inline u64 arch_frame_bits(u64 pfn)
{
	return pte_val(pfn_pte(pfn, PAGE_READONLY)) & ARCH_FRAME_MASK;
}

/* The contiguous hint: how many entries a block has. */
static inline bool arch_pte_cont(pte_t pte) { return pte_cont(pte); }

static inline unsigned int arch_cont_entries(unsigned int level)
{
	return level == MEMINTRO_PTE ? CONT_PTES :
		level == MEMINTRO_PMD ? CONT_PMDS : 1;
}

/* Bit 55: above it there may be a tag. */
static inline bool arch_is_kernel_half(u64 va) { return va & BIT_ULL(55); }

/* Whether the processor uses the entry. */
static inline bool arch_valid(u64 value) { return value & PTE_VALID; }

/*
 * The inverse of phys_to_ttbr(), without ASID and CnP.
 *
 * Where a kernel with 52 bits of addresses and pages of 64K runs with 48, the
 * register leads to that part of the table which belongs to the 48 (offset_ttbr1
 * in assembler.h), so the entries count from there, as for the processor.
 */
static inline void *arch_kernel_pgd(void)
{
	u64 ttbr = read_sysreg(ttbr1_el1);
	phys_addr_t pa = ttbr & GENMASK_ULL(47, 6);

#ifdef CONFIG_ARM64_PA_BITS_52
	pa |= (ttbr & GENMASK_ULL(5, 2)) << 46;
#else
	pa |= ttbr & GENMASK_ULL(5, 1);
#endif
	return __va(pa);
}

static inline u64 arch_pa_linear(u64 va) { return __virt_to_phys_nodebug(va); }

/*
 * The kernel's image lies among vmalloc's areas, and nothing exported says
 * where; but only there the image's formula leads to memory that was never the
 * page allocator's.
 */
static inline bool arch_is_image(u64 va, u64 pa)
{
	struct page *page;

	if (pa == MEMINTRO_NO_PA || pa != __kimg_to_phys(va))
		return false;
	page = pfn_to_online_page(PHYS_PFN(pa));
	return page && PageReserved(page);
}

static inline const char *arch_region(u64 va, u64 pa)
{
	if (__is_lm_address(va))
		return "linear";
	if (va >= MODULES_VADDR && va < MODULES_END)
		return "modules";
	if (va >= VMALLOC_START && va < VMALLOC_END)
		return arch_is_image(va, pa) ? "text" : "vmalloc";
	/* With 48 bits vmalloc has the part that nothing would use. */
	if (va >= VMALLOC_END + SZ_8M && va < VMEMMAP_END)
		return "vmemmap";
	if (va >= FIXADDR_TOT_START && va < FIXADDR_TOP)
		return "fixmap";
	return "other";
}

/* What arch_region() knows, but for the image, as parts of the kernel's half. */
static inline struct memintro_window *arch_windows(struct memintro_window *to)
{
	*to++ = (struct memintro_window) {
		"linear", PAGE_OFFSET, PAGE_END - 1 };
	if (MODULES_VADDR < MODULES_END)
		*to++ = (struct memintro_window) {
			"modules", MODULES_VADDR, MODULES_END - 1 };
	*to++ = (struct memintro_window) {
		"vmalloc", VMALLOC_START, VMALLOC_END - 1 };
	*to++ = (struct memintro_window) {
		"vmemmap", VMALLOC_END + SZ_8M, VMEMMAP_END - 1 };
	*to++ = (struct memintro_window) {
		"fixmap", FIXADDR_TOT_START, FIXADDR_TOP - 1 };
#if defined(CONFIG_KASAN_GENERIC) || defined(CONFIG_KASAN_SW_TAGS)
	*to++ = (struct memintro_window) {
		"kasan", KASAN_SHADOW_START, KASAN_SHADOW_END - 1 };
#endif
	return to;
}

static inline unsigned int arch_top_level(void)
{
	if (pgtable_l5_enabled())
		return MEMINTRO_PGD;
	if (pgtable_l4_enabled())
		return MEMINTRO_P4D;
	return CONFIG_PGTABLE_LEVELS > 2 ? MEMINTRO_PUD : MEMINTRO_PMD;
}

static inline unsigned int arch_va_bits(void) { return vabits_actual; }

/* Each half has a table of its own, with entries for as many bits as are left. */
static inline unsigned int arch_top_entries(unsigned int shift)
{
	return 1U << (vabits_actual - shift);
}

static inline unsigned long arch_task_sp(const struct task_struct *task)
{
	return thread_saved_sp(task);
}

#endif
