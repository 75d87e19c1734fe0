/* SPDX-License-Identifier: GPL-2.0 */
/* What the two halves of the page-table helpers share. */
#ifndef MEMINTRO_HELPERS_PGTABLE_H
#define MEMINTRO_HELPERS_PGTABLE_H

#include <linux/build_bug.h>
#include <linux/pfn.h>

#include "helpers.h"

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

#endif
