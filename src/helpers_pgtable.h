/* SPDX-License-Identifier: GPL-2.0 */
/* What the two halves of the page-table helpers share. */
#ifndef MEMINTRO_HELPERS_PGTABLE_H
#define MEMINTRO_HELPERS_PGTABLE_H

#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/log2.h>
#include <linux/pfn.h>
#include <linux/pgtable.h>

#include "helpers.h"
#include "helpers_arch.h"

/* The layout has a twin in src/model/pgtable.rs. */
static_assert(sizeof(struct memintro_entry) == 24);
static_assert(offsetof(struct memintro_entry, flags) == 16);
static_assert(offsetof(struct memintro_entry, kind) == 20);
static_assert(offsetof(struct memintro_entry, page_shift) == 21);
static_assert(offsetof(struct memintro_entry, swap_type) == 22);
static_assert(sizeof(struct memintro_view) == 3);

static inline void set_leaf(struct memintro_entry *entry, u64 pfn, u32 flags)
{
	entry->kind = MEMINTRO_LEAF;
	entry->target = PFN_PHYS(pfn);
	/* No access is possible, but the page is a user's. */
	if (flags & MEMINTRO_PROTNONE)
		flags = (flags & ~(MEMINTRO_READ | MEMINTRO_WRITE |
				   MEMINTRO_EXEC)) | MEMINTRO_USER;
	entry->flags = flags;
}

static inline void set_table(struct memintro_entry *entry, u64 next, u32 flags)
{
	entry->kind = MEMINTRO_TABLE;
	entry->target = next;
	entry->flags = flags;
}

/*
 * A run of entries that the TLB may hold as one, where all of them are alike.
 * The processor may note in any of them that it was used.
 */
struct run {
	bool looked_at;
	/* The index of the first. */
	unsigned int first;
	/* The size of what the TLB may hold. */
	u8 page_shift;
	/* What any of the entries notes. */
	u32 noted;
};

/* Whether a decoded entry carries the hint that its run is one. */
static __always_inline bool is_in_run(unsigned int level,
				      const struct memintro_entry *entry)
{
	return arch_run_length(level) > 1 && entry->kind == MEMINTRO_LEAF &&
		entry->flags & MEMINTRO_CONTIGUOUS;
}

/*
 * Looks whether all of a run of entries of @level, read one after the other,
 * say what the hint of one of them promises. Leaves have the same bits at all
 * levels.
 */
static inline void look_at_run(const pte_t *ptes, unsigned int level,
			       unsigned int first, struct run *run)
{
	unsigned int length = arch_run_length(level);
	unsigned int shift = level == MEMINTRO_PTE ? PAGE_SHIFT : PMD_SHIFT;
	u64 pages = 1ULL << (shift - PAGE_SHIFT);
	u64 pfn = pte_pfn(ptes[0]);
	unsigned int i;
	u32 noted = 0;

	*run = (struct run) {
		.looked_at = true, .first = first, .page_shift = shift,
	};
	if (!IS_ALIGNED(pfn, length * pages))
		return;
	for (i = 0; i < length; i++) {
		pte_t pte = ptes[i];

		if (!arch_valid(pte_val(pte)) || !arch_pte_cont(pte) ||
		    pte_pfn(pte) != pfn + i * pages ||
		    arch_leaf_flags(pte) != arch_leaf_flags(ptes[0]))
			return;
		if (pte_young(pte))
			noted |= MEMINTRO_ACCESSED;
		if (pte_dirty(pte))
			noted |= MEMINTRO_DIRTY;
	}
	run->page_shift = shift + ilog2(length);
	run->noted = noted;
}

#endif
