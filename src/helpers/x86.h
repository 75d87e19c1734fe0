/* SPDX-License-Identifier: GPL-2.0 */
/* What the generic page-table accessors leave to x86. */
#ifndef MEMINTRO_X86_H
#define MEMINTRO_X86_H

#include <linux/pgtable.h>
#include <linux/sched.h>
#include <asm/cpu_entry_area.h>
#include <asm/cpufeature.h>
#include <asm/fixmap.h>
#include <asm/kasan.h>
#include <asm/msr.h>

static __always_inline u32 arch_perm(pteval_t flags)
{
	u32 perm = 0;

	if (flags & _PAGE_PRESENT)
		perm |= MEMINTRO_READ;
	if (flags & _PAGE_RW)
		perm |= MEMINTRO_WRITE;
	if (!(flags & _PAGE_NX))
		perm |= MEMINTRO_EXEC;
	if (flags & _PAGE_USER)
		perm |= MEMINTRO_USER;
	return perm;
}

/* The flags of a leaf of any level: they share their bits. */
static inline u32 arch_leaf_flags(pte_t pte)
{
	pteval_t bits = pte_flags(pte);
	u32 flags = arch_perm(bits);

	/* PROT_NONE, or a huge page that is being split. */
	if (!(bits & _PAGE_PRESENT))
		flags &= MEMINTRO_USER;
	if (bits & _PAGE_NX)
		flags |= MEMINTRO_NX;
	/* In an entry that is not present the bit means PROT_NONE. */
	if ((bits & _PAGE_PRESENT) && (bits & _PAGE_GLOBAL))
		flags |= MEMINTRO_GLOBAL;
	return flags;
}

/* The page attribute table: a byte for each of eight types. */
extern u64 memintro_cache_types;

static inline u64 arch_cache_types(void)
{
	u64 pat;

	/* Without it, the types that two bits of an entry have always had. */
	if (!boot_cpu_has(X86_FEATURE_PAT) || rdmsrq_safe(MSR_IA32_CR_PAT, &pat))
		return 0x0007040600070406;
	return pat;
}

/* The type of memory that the value of a leaf asks for. */
static inline u32 arch_cache(u64 value, unsigned int level)
{
	static const u8 types[8] = {
		MEMINTRO_CACHE_UC, MEMINTRO_CACHE_WC, 0, 0, MEMINTRO_CACHE_WT,
		MEMINTRO_CACHE_WP, MEMINTRO_CACHE_WB, MEMINTRO_CACHE_UC_MINUS,
	};
	u64 high = level == MEMINTRO_PTE ? _PAGE_PAT : _PAGE_PAT_LARGE;
	unsigned int index = (value & high ? 4 : 0) |
		(value & _PAGE_PCD ? 2 : 0) | (value & _PAGE_PWT ? 1 : 0);
	unsigned int type = READ_ONCE(memintro_cache_types) >> (8 * index);

	return types[type & 7] << MEMINTRO_CACHE_SHIFT;
}

/* The protection key of a user's leaf, if the processor heeds it. */
static inline u32 arch_pkey(u64 value)
{
	if (!cpu_feature_enabled(X86_FEATURE_OSPKE))
		return 0;
	return MEMINTRO_HAS_PKEY |
		(u32)((value & _PAGE_PKEY_MASK) >> _PAGE_BIT_PKEY_BIT0)
			<< MEMINTRO_PKEY_SHIFT;
}

/*
 * What a table entry allows. With page-table isolation the kernel's copy of
 * the top-level entries of user space is marked NX; the processor runs user
 * code on the other copy.
 */
static __always_inline u32 arch_table_flags(pteval_t bits, bool top)
{
	u32 flags = arch_perm(bits);

	if (top && (bits & _PAGE_USER) && boot_cpu_has(X86_FEATURE_PTI))
		flags |= MEMINTRO_EXEC;
	else if (bits & _PAGE_NX)
		flags |= MEMINTRO_NX;
	return flags;
}

static inline pteval_t arch_pmd_bits(pmd_t pmd) { return pmd_flags(pmd); }
static inline pteval_t arch_pud_bits(pud_t pud) { return pud_flags(pud); }
static inline pteval_t arch_p4d_bits(p4d_t p4d) { return p4d_flags(p4d); }
static inline pteval_t arch_pgd_bits(pgd_t pgd) { return pgd_flags(pgd); }

/* As pmd_pgtable() and the others: what points to a table is never inverted. */
static inline u64 arch_pmd_next(pmd_t pmd) { return pmd_val(pmd) & pmd_pfn_mask(pmd); }
static inline u64 arch_pud_next(pud_t pud) { return pud_val(pud) & pud_pfn_mask(pud); }
static inline u64 arch_p4d_next(p4d_t p4d) { return p4d_val(p4d) & p4d_pfn_mask(p4d); }
static inline u64 arch_pgd_next(pgd_t pgd) { return pgd_val(pgd) & PTE_PFN_MASK; }

/* An entry without its address. */
static inline u64 arch_pte_bits(pte_t pte) { return pte_flags(pte); }

static inline pte_t arch_pte_get(const pte_t *pte)
{
	return ptep_get_lockless((pte_t *)pte);
}

/*
 * The bits of an entry in memory that hold the number of its frame; they are
 * inverted where nothing may be accessed.
 */
#define ARCH_FRAME_MASK PTE_PFN_MASK
static inline u64 arch_frame_bits(u64 pfn)
{
	return pfn_pte(pfn, PAGE_READONLY).pte & ARCH_FRAME_MASK;
}

/* All bits of a frame's number are part of its address. */
static inline u64 arch_frame(u64 pfn) { return pfn; }

/* x86 has no contiguous hint. */
static inline bool arch_pte_cont(pte_t pte) { return false; }
static inline unsigned int arch_cont_entries(unsigned int level) { return 1; }

static inline bool arch_is_kernel_half(u64 va) { return va >> 63; }

/* Whether the processor uses the entry. */
static inline bool arch_valid(u64 value) { return value & _PAGE_PRESENT; }

/*
 * Every address space holds the kernel's top-level entries; the one in use is
 * the current task's, or what a kernel thread has borrowed.
 */
static inline void *arch_kernel_pgd(void) { return current->active_mm->pgd; }

static inline u64 arch_pa_linear(u64 va) { return __phys_addr_nodebug(va); }

/* The descriptions of existing memory: whole pages of them. */
static inline u64 arch_vmemmap_size(void)
{
	u64 frames = ((u64)high_memory - PAGE_OFFSET) >> PAGE_SHIFT;

	return PAGE_ALIGN(frames * sizeof(struct page));
}

static inline const char *arch_region(u64 va, u64 pa)
{
	if (va >= PAGE_OFFSET && va < (unsigned long)high_memory)
		return "linear";
	if (va >= VMALLOC_START && va <= VMALLOC_END)
		return "vmalloc";
	if (va >= VMEMMAP_START && va - VMEMMAP_START < arch_vmemmap_size())
		return "vmemmap";
	/* x86 has fixed addresses for a part of its per-cpu data. */
	if (va >= CPU_ENTRY_AREA_BASE &&
	    va - CPU_ENTRY_AREA_BASE < CPU_ENTRY_AREA_MAP_SIZE)
		return "percpu";
	if (va >= __START_KERNEL_map &&
	    va - __START_KERNEL_map < KERNEL_IMAGE_SIZE)
		return "text";
	if (va >= MODULES_VADDR && va < MODULES_END)
		return "modules";
	if (va >= FIXADDR_TOT_START && va < FIXADDR_TOP)
		return "fixmap";
	return "other";
}

/* What arch_region() knows, but for the image, as parts of the kernel's half. */
static inline struct memintro_window *arch_windows(struct memintro_window *to)
{
	*to++ = (struct memintro_window) {
		"linear", PAGE_OFFSET, (u64)high_memory - 1 };
	*to++ = (struct memintro_window) {
		"vmalloc", VMALLOC_START, VMALLOC_END | ~PAGE_MASK };
	*to++ = (struct memintro_window) {
		"vmemmap", VMEMMAP_START,
		VMEMMAP_START + arch_vmemmap_size() - 1 };
	*to++ = (struct memintro_window) {
		"percpu", CPU_ENTRY_AREA_BASE,
		CPU_ENTRY_AREA_BASE + CPU_ENTRY_AREA_MAP_SIZE - 1 };
	*to++ = (struct memintro_window) {
		"modules", MODULES_VADDR, MODULES_END - 1 };
	*to++ = (struct memintro_window) {
		"fixmap", FIXADDR_TOT_START, FIXADDR_TOP - 1 };
#ifdef CONFIG_KASAN
	*to++ = (struct memintro_window) {
		"kasan", KASAN_SHADOW_START, KASAN_SHADOW_END - 1 };
#endif
	return to;
}

static inline unsigned int arch_top_level(void)
{
	return pgtable_l5_enabled() ? MEMINTRO_PGD : MEMINTRO_P4D;
}

static inline unsigned int arch_va_bits(void)
{
	return __VIRTUAL_MASK_SHIFT;
}

/* One table for both halves. */
static inline unsigned int arch_top_entries(unsigned int shift)
{
	return PTRS_PER_PGD;
}

static inline unsigned long arch_task_sp(const struct task_struct *task)
{
	return READ_ONCE(task->thread.sp);
}

#endif
