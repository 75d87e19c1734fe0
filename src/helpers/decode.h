/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decodes the entries of processes' page tables with the kernel's accessors.
 *
 * For pgtable.c alone: inline there, where a whole table is decoded.
 */
#ifndef MEMINTRO_DECODE_H
#define MEMINTRO_DECODE_H

#include <linux/leafops.h>
#include <linux/log2.h>
#include <linux/pgtable.h>
#include <linux/swapops.h>

#include "helpers.h"
#include "arch.h"
#include "compat.h"
#include "pgtable.h"

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

static __always_inline u32 pte_leaf_flags(pte_t pte)
{
	u32 flags = arch_leaf_flags(pte) | arch_pkey(pte_val(pte));

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
		set_leaf(entry, pfn, pte_leaf_flags(pte) | MEMINTRO_HUGETLB |
			 arch_cache(pte_val(pte), view->hugetlb_level));
		entry->page_shift = view->hugetlb_shift;
	}
}

/* What a page's entry says beside its address; neighbours mostly say the same. */
struct pte_memo {
	/* The entry without its address; never 0 for a page. */
	u64 bits;
	struct memintro_what what;
};

static __always_inline struct memintro_what decode_page(pte_t pte)
{
	struct memintro_entry entry = {};
	u32 flags = pte_leaf_flags(pte) | arch_cache(pte_val(pte), MEMINTRO_PTE);

	if (pte_special(pte))
		flags |= MEMINTRO_SPECIAL;
	set_leaf(&entry, 0, flags);
	entry.page_shift = PAGE_SHIFT;
	return entry.what;
}

static noinline void remember(struct pte_memo *memo, pte_t pte)
{
	memo->bits = arch_pte_bits(pte);
	memo->what = decode_page(pte);
}

/*
 * Sets the page size and the accessed and dirty bits of the entry at @index, which
 * carries the contiguous hint, from its block. A hugetlb page has its size anyway.
 */
static void join_block(const struct memintro_view *view, unsigned int level,
		     const void *table, unsigned int index, struct cont_block *block,
		     struct memintro_entry *entry)
{
	unsigned int length = arch_cont_entries(level);
	unsigned int first = round_down(index, length);
	const pte_t *from = (const pte_t *)table + first;
	pte_t ptes[BLOCK_PART];
	unsigned int i, j;

	if (!block->checked || block->first != first) {
		begin_block(block, level, first);
		for (i = 0; i < length; i += BLOCK_PART) {
			for (j = 0; j < BLOCK_PART; j++)
				ptes[j] = arch_pte_get(from + i + j);
			if (!check_block(block, ptes, level, i))
				break;
		}
	}
	entry->flags |= block->access_bits;
	if (!view->hugetlb_shift)
		entry->page_shift = block->page_shift;
}

/*
 * All but the entry's value, which is left alone; @memo may be NULL. Returns false if
 * it is bad.
 */
static __always_inline bool decode_pte(const struct memintro_view *view,
				       pte_t pte, const pte_t *table,
				       unsigned int index,
				       struct pte_memo *memo, struct cont_block *block,
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
		if (memo && arch_pte_bits(pte) != memo->bits)
			remember(memo, pte);
		pfn = arch_frame(pte_pfn(pte));
		entry->target = PFN_PHYS(pfn);
		entry->what = memo ? memo->what : decode_page(pte);
		if (unlikely(is_zero_pfn(pfn)))
			entry->flags |= MEMINTRO_ZERO;
	}
	if (is_in_block(MEMINTRO_PTE, entry))
		join_block(view, MEMINTRO_PTE, table, index, block, entry);
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
		flags = arch_leaf_flags(__pte(arch_pmd_bits(pmd))) |
			arch_pkey(pmd_val(pmd)) |
			arch_cache(pmd_val(pmd), MEMINTRO_PMD);
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

static __always_inline void decode_pud(const struct memintro_view *view,
				       pud_t pud, struct memintro_entry *entry)
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
		flags = arch_leaf_flags(__pte(arch_pud_bits(pud))) |
			arch_pkey(pud_val(pud)) |
			arch_cache(pud_val(pud), MEMINTRO_PUD);
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

static __always_inline void decode_p4d(p4d_t p4d, struct memintro_entry *entry)
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

static __always_inline void decode_pgd(pgd_t pgd, struct memintro_entry *entry)
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
					 unsigned int index, struct cont_block *block,
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
	if (is_in_block(level, entry))
		join_block(view, level, table, index, block, entry);
}

#endif
