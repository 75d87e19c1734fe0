// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the kernel's own page tables, and says where the kernel keeps what.
 *
 * Nothing here takes a lock or writes; what is read may be freed meanwhile. See
 * src/abstractions/kernel_pgtable.rs.
 */
#include <linux/kallsyms.h>
#include <linux/log2.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "helpers.h"
#include "arch.h"
#include "pgtable.h"

/* What arch_cache_types() says; the same on every processor. */
u64 memintro_cache_types;

/* The layout has a twin in src/abstractions/bindings.rs. */
static_assert(sizeof(struct memintro_paging) == 20);

/*
 * The kernel's constants say what it was built for: a folded level has the shift
 * of the one above, and one entry. It may run with fewer levels, or bits, still.
 */
void memintro_paging(struct memintro_paging *paging)
{
	unsigned int top = arch_top_level(), level;

	/* Nobody decodes an entry before this was called. */
	WRITE_ONCE(memintro_cache_types, arch_cache_types());
	*paging = (struct memintro_paging) {
		.shape.shift = {
			[MEMINTRO_PTE] = PAGE_SHIFT,
			[MEMINTRO_PMD] = PMD_SHIFT,
			[MEMINTRO_PUD] = PUD_SHIFT,
			[MEMINTRO_P4D] = P4D_SHIFT,
			[MEMINTRO_PGD] = PGDIR_SHIFT,
		},
		.top = top,
		.user_bits = arch_va_bits(),
		.kernel_bits = arch_va_bits(),
	};
	for (level = MEMINTRO_PTE; level < MEMINTRO_LEVELS; level++)
		paging->shape.entries[level] = level < top ? PTRS_PER_PTE : 1;
	paging->shape.entries[top] = arch_top_entries(paging->shape.shift[top]);
}

/* Kernel entries use some bits for other things than user entries do. */
static void set_kernel_leaf(struct memintro_entry *entry, u64 pfn, pte_t pte,
			    unsigned int level, unsigned int shift)
{
	u32 flags = arch_leaf_flags(pte) | arch_cache(pte_val(pte), level);

	if (pte_young(pte))
		flags |= MEMINTRO_ACCESSED;
	if (pte_dirty(pte))
		flags |= MEMINTRO_DIRTY;
	if (arch_pte_cont(pte))
		flags |= MEMINTRO_CONTIGUOUS;
	set_leaf(entry, pfn, flags);
	entry->page_shift = shift;
}

/*
 * @word is an entry as it stands in memory, so it is not passed through
 * __pte() and its like: under Xen PV those translate what they are given.
 */
static void decode_kernel(unsigned int level, u64 word,
			  struct memintro_entry *entry)
{
	/* Where a level is folded its type wraps that of the one above. */
	const union {
		u64 word;
		pte_t pte;
		pmd_t pmd;
		pud_t pud;
		p4d_t p4d;
		pgd_t pgd;
	} as = { .word = word };
	u64 value = pte_val(as.pte);
	u32 table = arch_table_flags(value, false);

	entry->value = value;
	/* What the processor cannot use is not mapped, whatever it holds. */
	if (!arch_valid(value))
		entry->kind = MEMINTRO_NONE;
	else if (level == MEMINTRO_PTE)
		set_kernel_leaf(entry, pte_pfn(as.pte), as.pte, level, PAGE_SHIFT);
	else if (level == MEMINTRO_PMD && pmd_leaf(as.pmd))
		set_kernel_leaf(entry, pmd_pfn(as.pmd),
				__pte(arch_pmd_bits(as.pmd)), level, PMD_SHIFT);
	else if (level == MEMINTRO_PMD)
		set_table(entry, arch_pmd_next(as.pmd), table);
	else if (level == MEMINTRO_PUD && pud_leaf(as.pud))
		set_kernel_leaf(entry, pud_pfn(as.pud),
				__pte(arch_pud_bits(as.pud)), level, PUD_SHIFT);
	else if (level == MEMINTRO_PUD)
		set_table(entry, arch_pud_next(as.pud), table);
	else if (level == MEMINTRO_P4D)
		set_table(entry, arch_p4d_next(as.p4d), table);
	else
		set_table(entry, arch_pgd_next(as.pgd), table);
}

/* As join_block() in decode.h, for the kernel's tables. */
static void join_kernel_block(unsigned int level, const u64 *table,
			    unsigned int index, struct cont_block *block,
			    struct memintro_entry *entry)
{
	unsigned int length = arch_cont_entries(level);
	unsigned int first = round_down(index, length);
	pte_t ptes[BLOCK_PART];
	unsigned int i;

	if (!block->checked || block->first != first) {
		begin_block(block, level, first);
		for (i = 0; i < length; i += BLOCK_PART) {
			if (copy_from_kernel_nofault(ptes, table + first + i,
						     sizeof(ptes)))
				return;
			if (!check_block(block, ptes, level, i))
				break;
		}
	}
	entry->flags |= block->access_bits;
	entry->page_shift = block->page_shift;
}

/*
 * Reads entries of the kernel's own page tables, which may be freed at any
 * time: an entry that cannot be read is bad. Entries of every level are words.
 */
void memintro_read_kernel_entries(unsigned int level, const void *table,
				  unsigned int first, unsigned int count,
				  struct memintro_entry *entries)
{
	const u64 *words = (const u64 *)table + first;
	struct cont_block block = {};
	unsigned int i;
	u64 word;

	static_assert(sizeof(pgd_t) == 8 && sizeof(pte_t) == 8);
	order_after_earlier_reads();
	memset(entries, 0, count * sizeof(*entries));
	for (i = 0; i < count; i++) {
		if (copy_from_kernel_nofault(&word, &words[i], sizeof(word))) {
			entries[i].kind = MEMINTRO_BAD;
			continue;
		}
		decode_kernel(level, word, &entries[i]);
		if (is_in_block(level, &entries[i]))
			join_kernel_block(level, table, first + i, &block,
					&entries[i]);
	}
}

/*
 * The linear map's address of what may be one of the kernel's tables, else NULL.
 * A freed table may point anywhere: also to memory that is offline, belongs to the
 * hypervisor, was not accepted yet, or has failed, which must not be read. Free
 * memory is no table either.
 *
 * struct page may be freed with its memory, so a copy is checked.
 */
void *memintro_kernel_table_at(u64 pa)
{
	const struct page *from = pfn_to_online_page(PHYS_PFN(pa));
	struct page page;

	if (!from || copy_from_kernel_nofault(&page, from, sizeof(page)) ||
	    PageOffline(&page) || PageUnaccepted(&page) || PageBuddy(&page) ||
	    PageHWPoison(&page))
		return NULL;
	return __va(pa);
}

/* The table of the level paging.top that translates kernel addresses. */
void *memintro_kernel_pgd(void)
{
	return arch_kernel_pgd();
}

/* What __pa() computes, without the checks of CONFIG_DEBUG_VIRTUAL. */
u64 memintro_pa_linear(u64 va)
{
	return arch_pa_linear(va);
}

/* @pa is what the page tables say of @va, or MEMINTRO_NO_PA. */
const char *memintro_region(u64 va, u64 pa)
{
	return arch_region(va, pa);
}

/* The parts of the kernel's half; the module's caller has room for all. */
void memintro_windows(struct memintro_window *to, unsigned int room)
{
	struct memintro_window windows[8];
	unsigned int n = arch_windows(windows) - windows;

	memcpy(to, windows, min(n, room) * sizeof(*to));
}

/* Some code of the kernel's image, and some data. */
void memintro_image(u64 *text, u64 *data)
{
	*text = (u64)synchronize_rcu;
	*data = (u64)&init_task;
}

/*
 * The symbol at or before @va, as `name+offset/size [module]`, or an address if there
 * is none; returns how long it is. @text has room for MEMINTRO_SYMBOL_MAX bytes.
 */
unsigned int memintro_symbol(u64 va, char *text)
{
	static_assert(KSYM_SYMBOL_LEN <= MEMINTRO_SYMBOL_MAX);
	return sprint_symbol(text, va);
}
