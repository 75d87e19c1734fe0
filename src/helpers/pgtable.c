// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the page tables of processes. Entries are decoded by decode.h.
 *
 * Nothing here takes a lock, reads a table that an entry points to, or writes.
 * The caller upholds that the table it passes stays readable; see
 * src/abstractions/pgtable.rs.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/unroll.h>

#include "helpers.h"
#include "arch.h"
#include "decode.h"

/*
 * What src/abstractions/pgtable.rs relies on: tables of processes are freed
 * through RCU, and all of them are in the linear map.
 */
#if !defined(CONFIG_MMU_GATHER_RCU_TABLE_FREE) || defined(CONFIG_HIGHPTE)
#error "page tables cannot be read safely in this configuration"
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

/*
 * How many of @count entries of @table, a table of @level, are empty from
 * @first on. Order and context as for memintro_read_entries().
 */
unsigned int memintro_empty_entries(unsigned int level, const void *table,
				    unsigned int first, unsigned int count)
{
	unsigned int i = first, end = first + count;

	order_after_earlier_reads();
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
 * before the first that points to a table or is bad; returns how many. The
 * values of ptes are left out: no answer shows them.
 *
 * Each entry is loaded once, or twice where its contiguous block is checked, after
 * all entries of earlier calls: reading an upper entry again tells whether the
 * table below was still in use.
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
	struct cont_block block = {};

	order_after_earlier_reads();
	if (level == MEMINTRO_PTE) {
		struct pte_memo memo = {};

		for (entry = entries; entry < end; entry++, first++) {
			pte_t pte = arch_pte_get((const pte_t *)table + first);

			if (unlikely(!decode_pte(view, pte, table, first, &memo,
						 &block, entry)))
				break;
		}
		return entry - entries;
	}
	for (entry = entries; entry < end; entry++, first++) {
		decode_entry(view, level, table, first, &block, entry);
		if (entry->kind == MEMINTRO_TABLE ||
		    entry->kind == MEMINTRO_BAD)
			break;
	}
	return entry - entries;
}

/*
 * Whether a table can be at @pa. Entries that are read here always point to memory: an
 * entry that says otherwise is damaged, and most of those are refused.
 */
static inline bool is_table_at(u64 pa)
{
	return (u64)__va(pa) < (u64)high_memory;
}

/*
 * Reads one entry, as memintro_read_entries() does, and returns the linear
 * map's address of the table that it points to, if it does.
 */
const void *memintro_read_entry(const struct memintro_view *view,
				unsigned int level, const void *table,
				unsigned int index,
				struct memintro_entry *entry)
{
	struct cont_block block = {};

	order_after_earlier_reads();
	if (level == MEMINTRO_PTE) {
		pte_t pte = arch_pte_get((const pte_t *)table + index);

		decode_pte(view, pte, table, index, NULL, &block, entry);
		entry->value = pte_val(pte);
		return NULL;
	}
	decode_entry(view, level, table, index, &block, entry);
	if (entry->kind != MEMINTRO_TABLE || !is_table_at(entry->target))
		return NULL;
	return __va(entry->target);
}

static __always_inline unsigned int index_of(const struct memintro_shape *shape,
					     unsigned int level, u64 va)
{
	return va >> shape->shift[level] & (shape->entries[level] - 1);
}

/*
 * Follows the entry of @way's table, a table of @level, to a table below; false if it
 * points to none. @path gets the entry, unless it is NULL.
 */
static __always_inline bool follow(const struct memintro_view *view,
				   const struct memintro_shape *shape, u64 va,
				   unsigned int level, struct memintro_way *way,
				   struct memintro_path *path)
{
	struct memintro_entry entry;
	struct cont_block block = {};
	const u64 *at = (const u64 *)way->table + index_of(shape, level, va);

	decode_entry(view, level, at, 0, &block, &entry);
	if (entry.kind != MEMINTRO_TABLE || !is_table_at(entry.target))
		return false;
	if (path) {
		path->entry[level] = entry;
		path->at[level] = at;
	}
	way->perm &= entry.flags;
	way->table = __va(entry.target);
	way->level = level - 1;
	return true;
}

static __always_inline void descend(const struct memintro_view *view,
				    const struct memintro_shape *shape, u64 va,
				    struct memintro_way *way, struct memintro_path *path)
{
	order_after_earlier_reads();
	switch (way->level) {
	case MEMINTRO_PGD:
		if (!follow(view, shape, va, MEMINTRO_PGD, way, path))
			return;
		fallthrough;
	case MEMINTRO_P4D:
		if (!follow(view, shape, va, MEMINTRO_P4D, way, path))
			return;
		fallthrough;
	case MEMINTRO_PUD:
		if (!view->hugetlb_shift)
			follow(view, shape, va, MEMINTRO_PUD, way, path);
	}
}

/*
 * Goes down from the table of @way, the top one, through entries for @va that point
 * to tables which cannot be freed while the mapping is locked: down to a table of
 * pmds, or in a hugetlb mapping of puds. Order and context as for
 * memintro_read_entries().
 */
void memintro_descend(const struct memintro_view *view,
		      const struct memintro_shape *shape, u64 va,
		      struct memintro_way *way)
{
	descend(view, shape, va, way, NULL);
}

static __always_inline bool walk(const struct memintro_view *view,
				 const struct memintro_shape *shape, u64 va,
				 struct memintro_way *way, struct memintro_path *path,
				 struct memintro_entry *entry)
{
	struct cont_block block = {};
	unsigned int index;
	pmd_t *pmdp;
	pte_t pte;
	u64 value;

	descend(view, shape, va, way, path);
	if (way->level != MEMINTRO_PMD)
		return false;
	index = index_of(shape, MEMINTRO_PMD, va);
	pmdp = (pmd_t *)way->table + index;
	/* Not as in follow(): it may belong to a contiguous block of its table. */
	decode_entry(view, MEMINTRO_PMD, way->table, index, &block, entry);
	if (path)
		path->at[MEMINTRO_PMD] = pmdp;
	if (entry->kind != MEMINTRO_TABLE)
		return entry->kind != MEMINTRO_BAD;
	if (!is_table_at(entry->target))
		return false;
	if (path)
		path->entry[MEMINTRO_PMD] = *entry;
	way->perm &= entry->flags;
	way->table = __va(entry->target);
	way->level = MEMINTRO_PTE;
	value = entry->value;
	index = index_of(shape, MEMINTRO_PTE, va);
	if (path)
		path->at[MEMINTRO_PTE] = (const pte_t *)way->table + index;
	order_after_earlier_reads();
	pte = arch_pte_get((const pte_t *)way->table + index);
	if (!decode_pte(view, pte, way->table, index, NULL, &block, entry))
		return false;
	entry->value = pte_val(pte);
	/* The table was in use if the entry above still points to it. */
	order_after_earlier_reads();
	return pmd_val(pmdp_get_lockless(pmdp)) == value;
}

/*
 * Goes down as memintro_descend() does, and further to the entry that points to no
 * other table, which @entry gets; @path, unless it is NULL, gets those above, and
 * where each is. Returns false where it is not so simple: the tables change
 * meanwhile, the entry is bad, or one above the pmds.
 */
bool memintro_walk(const struct memintro_view *view,
		   const struct memintro_shape *shape, u64 va,
		   struct memintro_way *way, struct memintro_path *path,
		   struct memintro_entry *entry)
{
	/* Each is as short as it can be. */
	return path ? walk(view, shape, va, way, path, entry) :
		walk(view, shape, va, way, NULL, entry);
}

/*
 * Reads the raw value of an entry of @table, a table of @level above the ptes.
 * Order and context as for memintro_read_entries().
 */
u64 memintro_read_value(unsigned int level, const void *table,
			unsigned int index)
{
	order_after_earlier_reads();
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

/* Entries that are compared between two branches. */
#define AT_ONCE 8

/*
 * Whether one of @count ptes of @table, from @first on, or of their neighbours
 * points to @pfn. Order and context as for memintro_read_entries().
 *
 * Decoding each entry would be most of the cost of a reverse map. An entry that
 * holds the frame number neither as it is nor inverted does not point to it.
 */
bool memintro_points_to(const void *table, unsigned int first,
		       unsigned int count, u64 pfn)
{
	const u64 mask = ARCH_FRAME_MASK, frame = arch_frame_bits(pfn);
	const pte_t *entry = (const pte_t *)table + round_down(first, AT_ONCE);
	const pte_t *end = (const pte_t *)table +
		round_up(first + count, AT_ONCE);
	unsigned int i;

	static_assert(PTRS_PER_PTE % AT_ONCE == 0);
	order_after_earlier_reads();
	for (; entry < end; entry += AT_ONCE) {
		bool maybe = false;

		unrolled_count(AT_ONCE)
		for (i = 0; i < AT_ONCE; i++) {
			u64 bits = arch_pte_get(entry + i).pte & mask;

			/* Nothing differs, or everything. */
			maybe |= (bits ^ frame) - 1 >= mask - 1;
		}
		for (i = 0; unlikely(maybe) && i < AT_ONCE; i++) {
			pte_t pte = arch_pte_get(entry + i);

			if (arch_frame(pte_pfn(pte)) == pfn && pte_present(pte))
				return true;
		}
	}
	return false;
}
