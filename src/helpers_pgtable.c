// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the page tables of processes and decodes their entries with the
 * kernel's accessors.
 *
 * Nothing here takes a lock, reads a table that an entry leads to, or writes.
 * The caller upholds that the table it passes stays readable; see
 * src/abstractions/pgtable.rs.
 */
#include <linux/hugetlb.h>
#include <linux/leafops.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/swapops.h>
#include <linux/version.h>

#include "helpers.h"
#include "helpers_arch.h"
#include "helpers_pgtable.h"

/*
 * What src/abstractions/pgtable.rs relies on: tables of processes are freed
 * through RCU, and all of them are in the linear map.
 */
#if !defined(CONFIG_MMU_GATHER_RCU_TABLE_FREE) || defined(CONFIG_HIGHPTE)
#error "page tables cannot be read safely in this configuration"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 3, 0)
#define pte_uffd pte_uffd_wp
#define pmd_uffd pmd_uffd_wp
#endif

/* Context: the mmap lock or the VMA's lock is held for reading. */
void memintro_view(struct vm_area_struct *vma, struct memintro_view *view)
{
	*view = (struct memintro_view) {
		.special_is_zero = !(vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP)),
	};
	if (is_vm_hugetlb_page(vma)) {
		view->hugetlb_shift = huge_page_shift(hstate_vma(vma));
		view->hugetlb_level = view->hugetlb_shift >= PUD_SHIFT ?
			MEMINTRO_PUD : view->hugetlb_shift >= PMD_SHIFT ?
			MEMINTRO_PMD : MEMINTRO_PTE;
	}
}

static void decode_softleaf(softleaf_t leaf, struct memintro_entry *entry)
{
	switch (softleaf_type(leaf)) {
	case SOFTLEAF_SWAP:
		entry->kind = MEMINTRO_SWAP;
		entry->swap_type = swp_type(leaf);
		entry->target = swp_offset(leaf);
		break;
	case SOFTLEAF_MIGRATION_READ:
	case SOFTLEAF_MIGRATION_READ_EXCLUSIVE:
	case SOFTLEAF_MIGRATION_WRITE:
		entry->kind = MEMINTRO_MIGRATION;
		break;
	case SOFTLEAF_DEVICE_PRIVATE_READ:
	case SOFTLEAF_DEVICE_PRIVATE_WRITE:
	case SOFTLEAF_DEVICE_EXCLUSIVE:
		entry->kind = MEMINTRO_DEVICE;
		break;
	case SOFTLEAF_HWPOISON:
		entry->kind = MEMINTRO_HWPOISON;
		break;
	case SOFTLEAF_MARKER:
		if (softleaf_is_poison_marker(leaf))
			entry->kind = MEMINTRO_POISON;
		else if (softleaf_is_guard_marker(leaf))
			entry->kind = MEMINTRO_GUARD;
		else
			entry->kind = MEMINTRO_UFFD;
		break;
	default:
		entry->kind = MEMINTRO_BAD;
	}
}

static u32 pte_leaf_flags(pte_t pte)
{
	u32 flags = arch_leaf_flags(pte);

	if (pte_young(pte))
		flags |= MEMINTRO_ACCESSED;
	if (pte_dirty(pte))
		flags |= MEMINTRO_DIRTY;
	if (pte_soft_dirty(pte))
		flags |= MEMINTRO_SOFT_DIRTY;
	if (pte_protnone(pte))
		flags |= MEMINTRO_PROTNONE;
	if (pte_uffd(pte))
		flags |= MEMINTRO_IS_UFFD;
	if (arch_pte_cont(pte))
		flags |= MEMINTRO_CONTIGUOUS;
	return flags;
}

/*
 * An entry of a hugetlb mapping is a pte, whatever its level: pud_present(),
 * say, knows nothing of PROT_NONE. @pfn is what the level's own accessor says,
 * because a pte has no PAT bit among its address bits.
 */
static void decode_hugetlb(const struct memintro_view *view, pte_t pte,
			   u64 pfn, struct memintro_entry *entry)
{
	if (pte_none(pte)) {
		entry->kind = MEMINTRO_NONE;
	} else if (!pte_present(pte)) {
		decode_softleaf(softleaf_from_pte(pte), entry);
	} else {
		set_leaf(entry, pfn, pte_leaf_flags(pte) | MEMINTRO_HUGETLB);
		entry->page_shift = view->hugetlb_shift;
	}
}

/* What a page's entry says beside its address; neighbours mostly say the same. */
struct pte_memo {
	/* The entry without its address; never 0 for a page. */
	u64 bits;
	struct memintro_what what;
};

static void remember(struct pte_memo *memo, pte_t pte)
{
	struct memintro_entry entry = {};
	u32 flags = pte_leaf_flags(pte);

	if (pte_special(pte))
		flags |= MEMINTRO_SPECIAL;
	set_leaf(&entry, 0, flags);
	entry.page_shift = PAGE_SHIFT;
	memo->bits = arch_pte_bits(pte);
	memo->what = entry.what;
}

/*
 * Takes what a contiguous run says for the entry at @index, which carries the
 * hint. A hugetlb page has its size anyway.
 */
static void join_run(const struct memintro_view *view, unsigned int level,
		     const void *table, unsigned int index, struct run *run,
		     struct memintro_entry *entry)
{
	unsigned int length = arch_run_length(level);
	unsigned int first = round_down(index, length);
	pte_t ptes[ARCH_RUN_MAX];
	unsigned int i;

	if (!run->looked_at || run->first != first) {
		for (i = 0; i < length; i++)
			ptes[i] = arch_pte_get((const pte_t *)table + first + i);
		look_at_run(ptes, level, first, run);
	}
	entry->flags |= run->noted;
	if (!view->hugetlb_shift)
		entry->page_shift = run->page_shift;
}

/* All but the entry's value, which is left alone. Returns false if it is bad. */
static __always_inline bool decode_pte(const struct memintro_view *view,
				       pte_t pte, const pte_t *table,
				       unsigned int index,
				       struct pte_memo *memo, struct run *run,
				       struct memintro_entry *entry)
{
	u64 pfn;

	if (unlikely(pte_none(pte) || !pte_present(pte) ||
		     view->hugetlb_shift)) {
		entry->target = 0;
		entry->what = (struct memintro_what) {};
		if (pte_none(pte))
			return true;
		if (view->hugetlb_shift)
			decode_hugetlb(view, pte, pte_pfn(pte), entry);
		else
			decode_softleaf(softleaf_from_pte(pte), entry);
	} else {
		if (arch_pte_bits(pte) != memo->bits)
			remember(memo, pte);
		pfn = pte_pfn(pte);
		entry->target = PFN_PHYS(pfn);
		entry->what = memo->what;
		if (unlikely(is_zero_pfn(pfn)))
			entry->flags |= MEMINTRO_ZERO;
	}
	if (is_in_run(MEMINTRO_PTE, entry))
		join_run(view, MEMINTRO_PTE, table, index, run, entry);
	return entry->kind != MEMINTRO_BAD;
}

static __always_inline void decode_pmd(const struct memintro_view *view,
				       pmd_t pmd, struct memintro_entry *entry)
{
	u32 flags;

	entry->value = pmd_val(pmd);
	if (pmd_none(pmd)) {
		entry->kind = MEMINTRO_NONE;
	} else if (view->hugetlb_shift &&
		   view->hugetlb_level == MEMINTRO_PMD) {
		decode_hugetlb(view, __pte(pmd_val(pmd)), pmd_pfn(pmd), entry);
	} else if (!pmd_present(pmd)) {
		decode_softleaf(softleaf_from_pmd(pmd), entry);
	} else if (pmd_leaf(pmd)) {
		flags = arch_leaf_flags(__pte(arch_pmd_bits(pmd)));
		if (pmd_young(pmd))
			flags |= MEMINTRO_ACCESSED;
		if (pmd_dirty(pmd))
			flags |= MEMINTRO_DIRTY;
		if (pmd_soft_dirty(pmd))
			flags |= MEMINTRO_SOFT_DIRTY;
		if (pmd_protnone(pmd))
			flags |= MEMINTRO_PROTNONE;
		if (pmd_uffd(pmd))
			flags |= MEMINTRO_IS_UFFD;
		/* is_huge_zero_pmd() needs a symbol that is not exported. */
		if (pmd_special(pmd))
			flags |= MEMINTRO_SPECIAL |
				(view->special_is_zero ? MEMINTRO_ZERO : 0);
		set_leaf(entry, pmd_pfn(pmd), flags);
		entry->page_shift = ilog2(pmd_leaf_size(pmd));
	} else if (pmd_bad(pmd)) {
		entry->kind = MEMINTRO_BAD;
	} else {
		set_table(entry, arch_pmd_next(pmd),
			  arch_table_flags(arch_pmd_bits(pmd), false));
	}
}

static void decode_pud(const struct memintro_view *view, pud_t pud,
		       struct memintro_entry *entry)
{
	u32 flags;

	entry->value = pud_val(pud);
	if (pud_none(pud)) {
		entry->kind = MEMINTRO_NONE;
	} else if (view->hugetlb_shift &&
		   view->hugetlb_level == MEMINTRO_PUD) {
		decode_hugetlb(view, __pte(pud_val(pud)), pud_pfn(pud), entry);
	} else if (pud_leaf(pud)) {
		pte_t pte = __pte(pud_val(pud));

		/* Not every architecture has all of these for puds. */
		flags = arch_leaf_flags(__pte(arch_pud_bits(pud)));
		if (pte_young(pte))
			flags |= MEMINTRO_ACCESSED;
		if (pte_dirty(pte))
			flags |= MEMINTRO_DIRTY;
		if (pud_special(pud))
			flags |= MEMINTRO_SPECIAL;
		if (pte_protnone(pte))
			flags |= MEMINTRO_PROTNONE;
		set_leaf(entry, pud_pfn(pud), flags);
		entry->page_shift = ilog2(pud_leaf_size(pud));
	} else if (!pud_present(pud) || pud_bad(pud)) {
		entry->kind = MEMINTRO_BAD;
	} else {
		set_table(entry, arch_pud_next(pud),
			  arch_table_flags(arch_pud_bits(pud),
					   arch_top_level() == MEMINTRO_PUD));
	}
}

static void decode_p4d(p4d_t p4d, struct memintro_entry *entry)
{
	entry->value = p4d_val(p4d);
	if (p4d_none(p4d))
		entry->kind = MEMINTRO_NONE;
	else if (!p4d_present(p4d) || p4d_bad(p4d))
		entry->kind = MEMINTRO_BAD;
	else
		set_table(entry, arch_p4d_next(p4d),
			  arch_table_flags(arch_p4d_bits(p4d),
					   arch_top_level() == MEMINTRO_P4D));
}

static void decode_pgd(pgd_t pgd, struct memintro_entry *entry)
{
	entry->value = pgd_val(pgd);
	if (pgd_none(pgd))
		entry->kind = MEMINTRO_NONE;
	else if (!pgd_present(pgd) || pgd_bad(pgd))
		entry->kind = MEMINTRO_BAD;
	else
		set_table(entry, arch_pgd_next(pgd),
			  arch_table_flags(arch_pgd_bits(pgd), true));
}

/* Reads an entry of a table above the ptes. */
static __always_inline void decode_entry(const struct memintro_view *view,
					 unsigned int level, const void *table,
					 unsigned int index, struct run *run,
					 struct memintro_entry *entry)
{
	*entry = (struct memintro_entry) {};
	switch (level) {
	case MEMINTRO_PMD:
		decode_pmd(view, pmdp_get_lockless((pmd_t *)table + index),
			   entry);
		break;
	case MEMINTRO_PUD:
		decode_pud(view, pudp_get((pud_t *)table + index), entry);
		break;
	case MEMINTRO_P4D:
		decode_p4d(p4dp_get((p4d_t *)table + index), entry);
		break;
	case MEMINTRO_PGD:
		decode_pgd(pgdp_get((pgd_t *)table + index), entry);
		break;
	}
	if (is_in_run(level, entry))
		join_run(view, level, table, index, run, entry);
}

/*
 * How many of @count entries of @table, a table of @level, are empty from
 * @first on. Order and context as for memintro_read_entries().
 */
unsigned int memintro_empty_entries(unsigned int level, const void *table,
				    unsigned int first, unsigned int count)
{
	unsigned int i = first, end = first + count;

	smp_rmb();
	switch (level) {
	case MEMINTRO_PTE:
		while (i < end &&
		       pte_none(arch_pte_get((const pte_t *)table + i)))
			i++;
		break;
	case MEMINTRO_PMD:
		while (i < end && pmd_none(pmdp_get_lockless((pmd_t *)table + i)))
			i++;
		break;
	case MEMINTRO_PUD:
		while (i < end && pud_none(pudp_get((pud_t *)table + i)))
			i++;
		break;
	case MEMINTRO_P4D:
		while (i < end && p4d_none(p4dp_get((p4d_t *)table + i)))
			i++;
		break;
	case MEMINTRO_PGD:
		while (i < end && pgd_none(pgdp_get((pgd_t *)table + i)))
			i++;
		break;
	}
	return i - first;
}

/*
 * Reads @count entries of @table, a table of @level, from @first on, or those
 * before the first that leads to a table or is bad; returns how many. The
 * values of ptes are left out: nobody shows them.
 *
 * Each entry is loaded once, but for a look at its contiguous run, after all
 * entries of earlier calls: who reads an upper entry again learns whether what
 * it read below was still in use then.
 *
 * Context: @table cannot be freed; for ptes and for hugetlb that means inside
 * an RCU read-side critical section.
 */
unsigned int memintro_read_entries(const struct memintro_view *view,
				   unsigned int level, const void *table,
				   unsigned int first, unsigned int count,
				   struct memintro_entry *entries)
{
	struct memintro_entry *end = entries + count;
	struct memintro_entry *entry;
	struct run run = {};

	smp_rmb();
	if (level == MEMINTRO_PTE) {
		struct pte_memo memo = {};

		for (entry = entries; entry < end; entry++, first++) {
			pte_t pte = arch_pte_get((const pte_t *)table + first);

			if (unlikely(!decode_pte(view, pte, table, first, &memo,
						 &run, entry)))
				break;
		}
		return entry - entries;
	}
	for (entry = entries; entry < end; entry++, first++) {
		decode_entry(view, level, table, first, &run, entry);
		if (entry->kind == MEMINTRO_TABLE ||
		    entry->kind == MEMINTRO_BAD)
			break;
	}
	return entry - entries;
}

/*
 * Reads one entry, as memintro_read_entries() does, and returns the linear
 * map's address of the table that it leads to, if it does.
 */
const void *memintro_read_entry(const struct memintro_view *view,
				unsigned int level, const void *table,
				unsigned int index,
				struct memintro_entry *entry)
{
	struct pte_memo memo = {};
	struct run run = {};

	smp_rmb();
	if (level == MEMINTRO_PTE) {
		pte_t pte = arch_pte_get((const pte_t *)table + index);

		decode_pte(view, pte, table, index, &memo, &run, entry);
		entry->value = pte_val(pte);
		return NULL;
	}
	decode_entry(view, level, table, index, &run, entry);
	if (entry->kind != MEMINTRO_TABLE)
		return NULL;
	return memintro_table_at(entry->target);
}

/*
 * Reads an entry of @table, a table of @level above the ptes, as it stands.
 * Order and context as for memintro_read_entries().
 */
u64 memintro_read_value(unsigned int level, const void *table,
			unsigned int index)
{
	smp_rmb();
	switch (level) {
	case MEMINTRO_PMD:
		return pmd_val(pmdp_get_lockless((pmd_t *)table + index));
	case MEMINTRO_PUD:
		return pud_val(pudp_get((pud_t *)table + index));
	case MEMINTRO_P4D:
		return p4d_val(p4dp_get((p4d_t *)table + index));
	default:
		return pgd_val(pgdp_get((pgd_t *)table + index));
	}
}

/*
 * Whether one of @count ptes of @table, from @first on, leads to @pfn.
 * Order and context as for memintro_read_entries().
 */
bool memintro_leads_to(const void *table, unsigned int first,
		       unsigned int count, u64 pfn)
{
	const pte_t *entry = (const pte_t *)table + first;
	const pte_t *end = entry + count;

	smp_rmb();
	for (; entry < end; entry++) {
		pte_t pte = arch_pte_get(entry);

		if (pte_pfn(pte) == pfn && pte_present(pte))
			return true;
	}
	return false;
}
