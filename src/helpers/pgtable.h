/* SPDX-License-Identifier: GPL-2.0 */
/* What the helpers for page tables of processes and of the kernel share. */
#ifndef MEMINTRO_PGTABLE_H
#define MEMINTRO_PGTABLE_H

#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/log2.h>
#include <linux/pfn.h>
#include <linux/pgtable.h>
#include <asm/barrier.h>

#include "helpers.h"
#include "arch.h"

/* The layout has a twin in src/model/pgtable.rs. */
static_assert(sizeof(struct memintro_entry) == 24);
static_assert(offsetof(struct memintro_entry, flags) == 16);
static_assert(offsetof(struct memintro_entry, kind) == 20);
static_assert(offsetof(struct memintro_entry, page_shift) == 21);
static_assert(offsetof(struct memintro_entry, swap_type) == 22);
static_assert(sizeof(struct memintro_view) == 3);

/*
 * Orders reads of a table after those of earlier calls: when an entry above is read
 * again and still points here, what was read between was in use.
 */
static inline void order_after_earlier_reads(void)
{
	/*
	 * Pairs with the TLB flush between clearing the entry above and freeing or
	 * reusing the table: pmdp_collapse_flush(), tlb_flush_mmu(), and for the
	 * kernel pmd_free_pte_page().
	 */
	smp_rmb();
}

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
 * A block of entries with the contiguous hint, which the TLB may cache as one entry
 * where all of them agree. The processor may set the accessed and dirty bits in any
 * of them.
 */
struct cont_block {
	bool checked;
	/* The index of its first entry. */
	unsigned int first;
	/* The size of what the TLB may cache. */
	u8 page_shift;
	/* The accessed and dirty bits of all entries, once all are checked. */
	u32 access_bits;
	/* The first entry, and the bits of those that were checked so far. */
	pte_t head;
	u32 seen;
};

/* A block is checked in parts of this many entries. */
#define BLOCK_PART 16

/* Whether a decoded entry carries the contiguous hint. */
static __always_inline bool is_in_block(unsigned int level,
				      const struct memintro_entry *entry)
{
	return arch_cont_entries(level) > 1 && entry->kind == MEMINTRO_LEAF &&
		entry->flags & MEMINTRO_CONTIGUOUS;
}

static inline unsigned int block_entry_shift(unsigned int level)
{
	return level == MEMINTRO_PTE ? PAGE_SHIFT : PMD_SHIFT;
}

/* Until all of the block is checked, each of its entries counts by itself. */
static inline void begin_block(struct cont_block *block, unsigned int level,
			     unsigned int first)
{
	*block = (struct cont_block) {
		.checked = true, .first = first,
		.page_shift = block_entry_shift(level),
	};
}

/*
 * Checks whether the BLOCK_PART entries of a block from its entry @from on are
 * contiguous, as the hint promises; if so, the next part is to be checked, if there
 * is one. Leaves have the same bits at all levels.
 */
static inline bool check_block(struct cont_block *block, const pte_t *ptes,
			       unsigned int level, unsigned int from)
{
	unsigned int length = arch_cont_entries(level);
	u64 pages = 1ULL << (block_entry_shift(level) - PAGE_SHIFT);
	unsigned int i;

	if (from == 0)
		block->head = ptes[0];
	if (!IS_ALIGNED(pte_pfn(block->head), length * pages))
		return false;
	for (i = 0; i < BLOCK_PART; i++) {
		pte_t pte = ptes[i];

		if (!arch_valid(pte_val(pte)) || !arch_pte_cont(pte) ||
		    pte_pfn(pte) != pte_pfn(block->head) + (from + i) * pages ||
		    arch_leaf_flags(pte) != arch_leaf_flags(block->head))
			return false;
		if (pte_young(pte))
			block->seen |= MEMINTRO_ACCESSED;
		if (pte_dirty(pte))
			block->seen |= MEMINTRO_DIRTY;
	}
	if (from + BLOCK_PART == length) {
		block->page_shift = block_entry_shift(level) + ilog2(length);
		block->access_bits = block->seen;
	}
	return true;
}

#endif
