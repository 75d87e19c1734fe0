/* SPDX-License-Identifier: GPL-2.0 */
/* What the two halves of the page-table helpers share. */
#ifndef MEMINTRO_PGTABLE_H
#define MEMINTRO_PGTABLE_H

#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/log2.h>
#include <linux/pfn.h>
#include <linux/pgtable.h>

#include "helpers.h"
#include "arch.h"

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
	entry->target = PFN_PHYS(arch_frame(pfn));
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
	/* The first entry, and what those that were looked at note. */
	pte_t head;
	u32 seen;
};

/* A run is looked at in parts of so many entries. */
#define RUN_PART 16

/* Whether a decoded entry carries the hint that its run is one. */
static __always_inline bool is_in_run(unsigned int level,
				      const struct memintro_entry *entry)
{
	return arch_run_length(level) > 1 && entry->kind == MEMINTRO_LEAF &&
		entry->flags & MEMINTRO_CONTIGUOUS;
}

static inline unsigned int run_entry_shift(unsigned int level)
{
	return level == MEMINTRO_PTE ? PAGE_SHIFT : PMD_SHIFT;
}

/* Until all of the run were looked at, each of its entries is for itself. */
static inline void begin_run(struct run *run, unsigned int level,
			     unsigned int first)
{
	*run = (struct run) {
		.looked_at = true, .first = first,
		.page_shift = run_entry_shift(level),
	};
}

/*
 * Looks whether the RUN_PART entries of a run from its entry @from on say what the
 * hint of one of them promises: then the next part is to be looked at, if there is
 * one. Leaves have the same bits at all levels.
 */
static inline bool look_at_run(struct run *run, const pte_t *ptes,
			       unsigned int level, unsigned int from)
{
	unsigned int length = arch_run_length(level);
	u64 pages = 1ULL << (run_entry_shift(level) - PAGE_SHIFT);
	unsigned int i;

	if (from == 0)
		run->head = ptes[0];
	if (!IS_ALIGNED(pte_pfn(run->head), length * pages))
		return false;
	for (i = 0; i < RUN_PART; i++) {
		pte_t pte = ptes[i];

		if (!arch_valid(pte_val(pte)) || !arch_pte_cont(pte) ||
		    pte_pfn(pte) != pte_pfn(run->head) + (from + i) * pages ||
		    arch_leaf_flags(pte) != arch_leaf_flags(run->head))
			return false;
		if (pte_young(pte))
			run->seen |= MEMINTRO_ACCESSED;
		if (pte_dirty(pte))
			run->seen |= MEMINTRO_DIRTY;
	}
	if (from + RUN_PART == length) {
		run->page_shift = run_entry_shift(level) + ilog2(length);
		run->noted = run->seen;
	}
	return true;
}

#endif
