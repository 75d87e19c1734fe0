// SPDX-License-Identifier: GPL-2.0
/*
 * Reads what the kernel records of a page frame: its struct page, and that of the
 * first page of its folio.
 *
 * Nothing here takes a lock, a reference, or writes. See src/abstractions/page.rs
 * for what could free what is read, and what prevents it.
 */
#include <linux/types.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/kernel-page-flags.h>
#include <linux/memcontrol.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/page-flags.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/uaccess.h>

#include "helpers.h"

#ifndef CONFIG_SPARSEMEM
#error "memory has no sections in this configuration"
#endif

/* The layouts have twins in src/model/frame.rs. */
static_assert(sizeof(struct memintro_page) == 64);
static_assert(offsetof(struct memintro_page, traits) == 48);
static_assert(offsetof(struct memintro_page, order) == 60);
static_assert(sizeof(struct memintro_page_run) == 16);
static_assert(sizeof(struct memintro_folio_run) == 16);

/* How many pieces of memory are examined in one call. */
#define LOOKS 1024
/* How many pages on their own take as long as another piece. */
#define SINGLES 8
/* How many sections without memory are skipped as one of them. */
#define SECTIONS (32 * (u64)SECTIONS_PER_ROOT)

static bool watched;

/* Called after memory went offline, and before its struct pages may be freed. */
static int memory_changes(struct notifier_block *block, unsigned long action,
			  void *data)
{
	if (action == MEM_OFFLINE)
		synchronize_rcu();
	return NOTIFY_OK;
}

static struct notifier_block watcher = { .notifier_call = memory_changes };

int memintro_watch_memory(void)
{
	int err = register_memory_notifier(&watcher);

	WRITE_ONCE(watched, !err);
	return err;
}

void memintro_unwatch_memory(void)
{
	WRITE_ONCE(watched, false);
	unregister_memory_notifier(&watcher);
}

static u32 type_traits(unsigned int type)
{
	switch (type >> 24) {
	case PGTY_buddy:
		return MEMINTRO_PAGE_BUDDY;
	case PGTY_offline:
		return MEMINTRO_PAGE_OFFLINE;
	case PGTY_table:
		return MEMINTRO_PAGE_TABLE;
	case PGTY_hugetlb:
		return MEMINTRO_PAGE_HUGETLB;
	case PGTY_slab:
		return MEMINTRO_PAGE_SLAB;
	case PGTY_unaccepted:
		return MEMINTRO_PAGE_UNACCEPTED;
	default:
		return MEMINTRO_PAGE_TYPED;
	}
}

/* The last mapping that was examined: pages side by side mostly share theirs. */
struct mapping_memo {
	struct address_space *mapping;
	bool is_file;
	u64 inode;
	u32 dev;
};

/*
 * Whether @mapping is that of an inode, and which. What is no mapping may look
 * like one: only an inode that says it is its own is used.
 */
static bool read_mapping(struct address_space *mapping,
			 struct mapping_memo *memo)
{
	struct address_space *back;
	struct super_block *sb;
	struct inode *inode;
	dev_t dev;

	if (mapping == memo->mapping)
		return memo->is_file;
	*memo = (struct mapping_memo) { .mapping = mapping };
	if (get_kernel_nofault(inode, &mapping->host) || !inode ||
	    get_kernel_nofault(back, &inode->i_mapping) ||
	    (back != mapping && mapping != &inode->i_data) ||
	    get_kernel_nofault(memo->inode, &inode->i_ino) ||
	    get_kernel_nofault(sb, &inode->i_sb) || !sb ||
	    get_kernel_nofault(dev, &sb->s_dev))
		return false;
	memo->dev = new_encode_dev(dev);
	memo->is_file = true;
	return true;
}

#define FLAG(flags, name) (!!((flags) & (1UL << (name))))

/*
 * The order of the folio whose first page is @head, which has @flags; false if it
 * does not reach the page @index after that: it changed meanwhile.
 */
static bool read_order(const struct page *head, unsigned long flags, u64 index,
		       unsigned int *order)
{
	const struct folio *folio = (const struct folio *)head;

	*order = FLAG(flags, PG_head) ? READ_ONCE(folio->_flags_1) & 0xff : 0;
	return *order <= MAX_FOLIO_ORDER && !(index >> *order);
}

/*
 * What a page without a type is used for: a file, or anonymous memory, which KSM may
 * share.
 */
static u32 use_traits(unsigned long flags, unsigned long mapping,
		      struct mapping_memo *memo)
{
	u32 traits = 0;

	if ((mapping & FOLIO_MAPPING_FLAGS) == FOLIO_MAPPING_KSM)
		traits = MEMINTRO_PAGE_KSM;
	else if (mapping & FOLIO_MAPPING_ANON)
		traits = MEMINTRO_PAGE_ANON;
	else if (mapping && !(mapping & FOLIO_MAPPING_FLAGS) &&
		 read_mapping((struct address_space *)mapping, memo))
		traits = MEMINTRO_PAGE_FILE;
	if (FLAG(flags, PG_reserved))
		traits |= MEMINTRO_PAGE_RESERVED;
	if (FLAG(flags, PG_swapbacked) && FLAG(flags, PG_swapcache))
		traits |= MEMINTRO_PAGE_SWAPCACHE;
	if (FLAG(flags, PG_swapbacked))
		traits |= MEMINTRO_PAGE_SWAPBACKED;
	return traits;
}

#ifdef CONFIG_MEMORY_FAILURE
#define FAILED BIT(PG_hwpoison)
#else
#define FAILED 0
#endif

/* What the use of a page that has no type and is its own folio depends on. */
struct single {
	unsigned long flags;
	unsigned long mapping;
};

/* Reads that of a page; false if it is no such page, may be free, or is the zero page. */
static __always_inline bool read_single(const struct page *page, struct single *to)
{
	unsigned long flags = READ_ONCE(page->flags.f);

	to->flags = flags & (BIT(PG_reserved) | BIT(PG_swapbacked) | BIT(PG_swapcache));
	to->mapping = (unsigned long)READ_ONCE(page->mapping);
	return !(flags & (BIT(PG_head) | FAILED)) && !PageTail(page) &&
	       !page_type_has_type(READ_ONCE(page->page_type)) &&
	       atomic_read(&page->_refcount) && !is_zero_pfn(page_to_pfn(page));
}

/*
 * The traits of such a page, and how many of the @most pages from it on are like it;
 * 0 if it is no such page. Most memory consists of them.
 */
static u64 read_singles(const struct page *page, u64 most, u32 *traits,
			struct mapping_memo *memo)
{
	struct single first, other;
	u64 pages = 1;

	if (!read_single(page, &first))
		return 0;
	*traits = use_traits(first.flags, first.mapping, memo);
	while (pages < most && read_single(page + pages, &other) &&
	       other.flags == first.flags && other.mapping == first.mapping)
		pages++;
	return pages;
}

/*
 * The traits of a page that is online, and how many pages from it on have them too, as
 * parts of one folio or free block. MEMINTRO_PAGE_TORN if its folio changed meanwhile.
 *
 * The page is the one @index after the first of its folio. What is recorded of the two
 * is read from @at and @folio: these may be copies.
 *
 * Fields are read as they are, because the kernel's accessors insist that a folio
 * stays one.
 */
static u32 read_traits(struct page *page, const struct page *at,
		       const struct folio *folio, u64 index, u64 *pages,
		       struct mapping_memo *memo)
{
	const struct page *head = &folio->page;
	unsigned long flags = READ_ONCE(head->flags.f);
	unsigned int type = READ_ONCE(head->page_type);
	unsigned long mapping, second = 0;
	unsigned int order;
	u32 traits = 0;

	*pages = 1;
	if (!read_order(head, flags, index, &order))
		return MEMINTRO_PAGE_TORN;
	if (order)
		second = READ_ONCE(folio->_flags_1);
	if (page_type_has_type(type))
		traits = type_traits(type);
	/* As buddy_order_unsafe() has it. */
	if (traits & MEMINTRO_PAGE_BUDDY) {
		unsigned long free = READ_ONCE(at->private);

		if (free <= MAX_PAGE_ORDER)
			*pages = 1ULL << free;
		return traits;
	}
#ifdef CONFIG_MEMORY_FAILURE
	if (FLAG(READ_ONCE(at->flags.f), PG_hwpoison) ||
	    (traits & MEMINTRO_PAGE_HUGETLB && FLAG(flags, PG_hwpoison)))
		return traits | MEMINTRO_PAGE_HWPOISON;
#endif
	if (is_zero_pfn(page_to_pfn(page)))
		traits |= MEMINTRO_PAGE_ZERO;
	mapping = (unsigned long)READ_ONCE(head->mapping);
	if (!(traits & ~MEMINTRO_PAGE_HUGETLB))
		traits |= use_traits(flags, mapping, memo);
	/* is_huge_zero_folio() needs a symbol that is not exported. */
	if (order && order == PMD_SHIFT - PAGE_SHIFT && !traits && !mapping &&
	    stable_page_flags(page) & BIT_ULL(KPF_ZERO_PAGE))
		traits |= MEMINTRO_PAGE_ZERO;
	/* A part of a free block, whose first page alone says so. */
	if (!traits && !order && !atomic_read(&at->_refcount) &&
	    is_free_buddy_page(page))
		traits |= MEMINTRO_PAGE_BUDDY;
	if (order && (READ_ONCE(folio->_flags_1) & 0xff) != order)
		return MEMINTRO_PAGE_TORN;
	/* Where some pages of a folio have failed, each is examined. */
	if (!FLAG(second, PG_has_hwpoisoned))
		*pages = (1ULL << order) - index;
	return traits;
}

/* The same, read again where it was torn. */
static u32 read_settled(struct page *page, u64 *pages, struct mapping_memo *memo)
{
	unsigned int tries;
	u32 traits;

	for (tries = 0; tries < 3; tries++) {
		struct page *head = compound_head(page);

		traits = read_traits(page, page, (struct folio *)head,
				     page_to_pfn(page) - page_to_pfn(head),
				     pages, memo);
		if (compound_head(page) != head)
			traits = MEMINTRO_PAGE_TORN;
		if (!(traits & MEMINTRO_PAGE_TORN))
			break;
	}
	return traits;
}

/* Sections are described many at a time, or not at all. */
static bool is_described(u64 section)
{
#ifdef CONFIG_SPARSEMEM_EXTREME
	return mem_section[section / SECTIONS_PER_ROOT];
#else
	return true;
#endif
}

/*
 * The next section from this one on that has memory, or one before it: so many are
 * skipped at a time. Descriptions are never freed, nor is the table of them.
 */
static u64 next_section(u64 section)
{
	const u64 end = min(section + SECTIONS, (u64)NR_MEM_SECTIONS);

	while (section < end && !present_section(__nr_to_section(section))) {
		section++;
		while (section < end && !is_described(section))
			section = round_up(section + 1, SECTIONS_PER_ROOT);
	}
	return section;
}

/*
 * Why there is no page that could be examined, and for how many frames from
 * this one on.
 */
static u32 no_page(u64 pfn, u64 *frames)
{
	u64 section = pfn_to_section_nr(pfn);
	struct dev_pagemap *device;
	u64 next = next_section(section);

	*frames = U64_MAX - pfn;
	if (next >= NR_MEM_SECTIONS)
		return MEMINTRO_PAGE_NONE;
	*frames = section_nr_to_pfn(next) - pfn;
	if (next != section)
		return MEMINTRO_PAGE_NONE;
	*frames = round_up(pfn + 1, PAGES_PER_SUBSECTION) - pfn;
	if (!pfn_valid(pfn))
		return MEMINTRO_PAGE_NONE;
	device = get_dev_pagemap(pfn);
	put_dev_pagemap(device);
	return device ? MEMINTRO_PAGE_DEVICE : MEMINTRO_PAGE_OFFLINE_SECTION;
}

static struct page *online_page(u64 pfn)
{
	return READ_ONCE(watched) ? pfn_to_online_page(pfn) : NULL;
}

/* What /proc/kpagecount says. */
static int page_maps(const struct folio *folio, const struct page *page)
{
	bool large = folio_test_large(folio);
	int maps = atomic_read(&page->_mapcount) + 1;

	if (IS_ENABLED(CONFIG_PAGE_MAPCOUNT)) {
		if (page_mapcount_is_type(maps))
			maps = 0;
		return large ? maps + folio_entire_mapcount(folio) : maps;
	}
	if (large) {
		int entire = folio_entire_mapcount(folio);
		int sum = folio_large_mapcount(folio);

		if (sum <= 0 || sum <= entire)
			return max(sum > 0 ? entire : 0, 0);
		maps = (sum - entire + folio_large_nr_pages(folio) / 2) >>
			folio_large_order(folio);
		return max(maps + entire, 1);
	}
	return atomic_read(&folio->_mapcount) + 1;
}

static u8 zone_number(const struct folio *folio)
{
	switch (folio_zonenum(folio)) {
#ifdef CONFIG_ZONE_DMA
	case ZONE_DMA:
		return MEMINTRO_ZONE_DMA;
#endif
#ifdef CONFIG_ZONE_DMA32
	case ZONE_DMA32:
		return MEMINTRO_ZONE_DMA32;
#endif
	case ZONE_MOVABLE:
		return MEMINTRO_ZONE_MOVABLE;
	case ZONE_NORMAL:
		return MEMINTRO_ZONE_NORMAL;
	default:
		return MEMINTRO_ZONE_DEVICE;
	}
}

/* Copies a struct page that may change meanwhile: each word is of one time. */
static __always_inline void copy_page_words(struct page *to, const struct page *from)
{
	const unsigned long *words = (const unsigned long *)from;
	unsigned int i;

	static_assert(!(sizeof(*to) % sizeof(*words)));

#pragma GCC unroll 8
	for (i = 0; i < sizeof(*to) / sizeof(*words); i++)
		((unsigned long *)to)[i] = READ_ONCE(words[i]);
}

#define COPY(flags, to, from) (FLAG(flags, from) ? BIT_ULL(to) : 0)

/*
 * What stable_page_flags() says, from copies of the page and of its folio. That function
 * copies them once more, and clears the copies first: it is called only where it knows
 * more, of what is free, and of the huge zero page.
 */
static u64 page_flags(struct page *page, const struct page *copy,
		      const struct folio *folio, bool tail)
{
	const unsigned long flags = folio->flags.f;
	const bool huge = folio_test_hugetlb(folio);
	u64 to = 0;

	if (!folio_ref_count(folio) || folio_test_offline(folio) ||
	    (folio_test_large(folio) && !huge &&
	     !folio_test_large_rmappable(folio)))
		return stable_page_flags(page);
	if (folio_mapped(folio))
		to |= BIT_ULL(KPF_MMAP);
	if (folio_test_anon(folio))
		to |= BIT_ULL(KPF_ANON);
	if (folio_test_anon(folio) && folio_test_ksm(folio))
		to |= BIT_ULL(KPF_KSM);
	if (tail)
		to |= BIT_ULL(KPF_COMPOUND_TAIL);
	else
		to |= COPY(flags, KPF_COMPOUND_HEAD, PG_head);
	if (huge)
		to |= BIT_ULL(KPF_HUGE);
	else if (folio_test_large(folio))
		to |= BIT_ULL(KPF_THP);
	else if (is_zero_pfn(page_to_pfn(page)))
		to |= BIT_ULL(KPF_ZERO_PAGE);
	if (folio_test_idle(folio))
		to |= BIT_ULL(KPF_IDLE);
	if (folio_test_pgtable(folio))
		to |= BIT_ULL(KPF_PGTABLE);
	if (folio_test_slab(folio))
		to |= BIT_ULL(KPF_SLAB);
	to |= COPY(flags, KPF_LOCKED, PG_locked);
	to |= COPY(flags, KPF_DIRTY, PG_dirty);
	to |= COPY(flags, KPF_UPTODATE, PG_uptodate);
	to |= COPY(flags, KPF_WRITEBACK, PG_writeback);
	to |= COPY(flags, KPF_LRU, PG_lru);
	to |= COPY(flags, KPF_REFERENCED, PG_referenced);
	to |= COPY(flags, KPF_ACTIVE, PG_active);
	to |= COPY(flags, KPF_RECLAIM, PG_reclaim);
	if (FLAG(flags, PG_swapbacked))
		to |= BIT_ULL(KPF_SWAPBACKED) |
		      COPY(flags, KPF_SWAPCACHE, PG_swapcache);
	to |= COPY(flags, KPF_UNEVICTABLE, PG_unevictable);
	to |= COPY(flags, KPF_MLOCKED, PG_mlocked);
#ifdef CONFIG_MEMORY_FAILURE
	to |= COPY(huge ? flags : copy->flags.f, KPF_HWPOISON, PG_hwpoison);
#endif
	to |= COPY(flags, KPF_RESERVED, PG_reserved);
	to |= COPY(flags, KPF_OWNER_2, PG_owner_2);
	to |= COPY(flags, KPF_PRIVATE, PG_private);
	to |= COPY(flags, KPF_PRIVATE_2, PG_private_2);
	to |= COPY(flags, KPF_OWNER_PRIVATE, PG_owner_priv_1);
	to |= COPY(flags, KPF_ARCH, PG_arch_1);
#ifdef CONFIG_ARCH_USES_PG_ARCH_2
	to |= COPY(flags, KPF_ARCH_2, PG_arch_2);
#endif
#ifdef CONFIG_ARCH_USES_PG_ARCH_3
	to |= COPY(flags, KPF_ARCH_3, PG_arch_3);
#endif
	return to;
}

/* The flags of a folio that say what it is, and not what happens to it. */
#define LASTING (BIT(PG_head) | BIT(PG_reserved) | BIT(PG_swapbacked) | \
		 BIT(PG_swapcache) | FAILED)

/* The type of a page, which has one or a count of mappings; 0 if it has none. */
static unsigned int type_of(const struct page *page)
{
	unsigned int type = READ_ONCE(page->page_type);

	return page_type_has_type(type) ? type >> 24 : 0;
}

/*
 * Whether the page @page of the folio of @head is in the same use as the copies say:
 * whatever tells what it is stayed as it was. What only happens to it, such as the
 * counts, is of any time between.
 */
static bool is_same_use(const struct page *page, const struct page *head,
			const struct page *copy, const struct folio *folio)
{
	const struct folio *now = (const struct folio *)head;

	return !((READ_ONCE(head->flags.f) ^ folio->flags.f) & LASTING) &&
	       !((READ_ONCE(page->flags.f) ^ copy->flags.f) & FAILED) &&
	       (unsigned long)READ_ONCE(head->mapping) == (unsigned long)folio->mapping &&
	       READ_ONCE(now->index) == folio->index &&
	       type_of(head) == type_of(&folio->page) &&
	       !atomic_read(&head->_refcount) == !folio_ref_count(folio) &&
	       (!folio_test_large(folio) ||
		READ_ONCE(now->_flags_1) == folio->_flags_1) &&
	       compound_head(page) == head;
}

/*
 * Reads what is recorded of a frame; false if what it is used for changed meanwhile.
 *
 * Context: inside an RCU read-side critical section.
 */
bool memintro_read_page(u64 pfn, struct memintro_page *to)
{
	struct page *page = online_page(pfn);
	struct mapping_memo memo = {};
	/* What is not copied is not read either. */
	struct folio folio __uninitialized;
	struct page *head;
	struct page tail __uninitialized;
	const struct page *copy = &folio.page;
	u64 pages;

	*to = (struct memintro_page) {};
	if (!page) {
		to->traits = no_page(pfn, &pages);
		return true;
	}
	head = compound_head(page);
	to->head = page_to_pfn(head);
	copy_page_words(&folio.page, head);
	if (head != page) {
		copy_page_words(&tail, page);
		copy = &tail;
	}
	if (PageTail(&folio.page))
		return false;
	/* The second page is there if the first one says so: memory comes by many pages. */
	if (folio_test_large(&folio))
		copy_page_words(&folio.__page_1, head + 1);

	to->traits = read_traits(page, copy, &folio, pfn - to->head, &pages, &memo);
	if (to->traits & MEMINTRO_PAGE_TORN)
		return false;
	to->flags = page_flags(page, copy, &folio, head != page);
	to->cgroup = page_cgroup_ino(page);
	to->order = folio_order(&folio);
	to->refs = folio_ref_count(&folio);
	to->maps = page_maps(&folio, copy);
	to->pinned = folio_maybe_dma_pinned(&folio);
	to->node = folio_nid(&folio);
	to->zone = zone_number(&folio);
	if (to->traits & MEMINTRO_PAGE_FILE) {
		to->dev = memo.dev;
		to->inode = memo.inode;
		to->index = folio.index + (pfn - to->head);
	}
	/* Whether nobody's page is a part of a free block, its own words do not say. */
	if (!to->refs && read_settled(page, &pages, &memo) != to->traits)
		return false;
	return is_same_use(page, head, copy, &folio);
}

/*
 * Reads the traits of the frames from @pfn to @last, as far as there is room for
 * runs of frames that have the same; returns how many runs that are.
 *
 * Context: inside an RCU read-side critical section.
 */
unsigned int memintro_count_pages(u64 pfn, u64 last,
				  struct memintro_page_run *runs,
				  unsigned int room)
{
	struct mapping_memo memo = {};
	struct page *page = NULL;
	unsigned int looks, n = 0;
	u64 checked = 0, pages;
	u32 traits;

	for (looks = 0; pfn <= last && looks < LOOKS; looks++) {
		/* Memory comes and goes by whole subsections. */
		if (pfn >= checked) {
			page = online_page(pfn);
			checked = round_up(pfn + 1, PAGES_PER_SUBSECTION);
		}
		pages = page ? read_singles(pfn_to_page(pfn), checked - pfn,
					    &traits, &memo) : 0;
		looks += pages / SINGLES;
		if (!page)
			traits = no_page(pfn, &pages);
		else if (!pages)
			traits = read_settled(pfn_to_page(pfn), &pages, &memo);
		pages = min(pages, last - pfn + 1);
		if (!n || runs[n - 1].traits != traits) {
			if (n == room)
				break;
			runs[n++] = (struct memintro_page_run) { .traits = traits };
		}
		runs[n - 1].pages += pages;
		pfn += pages;
	}
	return n;
}

/* Nodes have numbers below this one. */
unsigned int memintro_node_ids(void)
{
	return nr_node_ids;
}

/* The order and the node of the folio that a page belongs to now. */
static struct memintro_folio_run read_folio(struct page *page)
{
	struct page *head = page;
	unsigned int order = 0, tries;

	for (tries = 0; tries < 3; tries++) {
		head = compound_head(page);
		if (read_order(head, READ_ONCE(head->flags.f),
			       page_to_pfn(page) - page_to_pfn(head), &order) &&
		    compound_head(page) == head)
			break;
		order = 0;
	}
	return (struct memintro_folio_run) {
		.pages = 1, .order = order, .node = page_to_nid(page) };
}

/* Adds pages that belong to @of to the last run, or begins a run; false if there is no room. */
static bool add_folio(struct memintro_folio_run of, u64 pages,
		      struct memintro_folio_run *runs, unsigned int *count,
		      unsigned int room)
{
	struct memintro_folio_run *run = *count ? &runs[*count - 1] : NULL;

	if (!run || run->order != of.order || run->node != of.node) {
		if (*count == room)
			return false;
		run = &runs[(*count)++];
		*run = of;
		run->pages = 0;
	}
	run->pages += pages;
	return true;
}

static const struct memintro_folio_run no_folio = { .node = MEMINTRO_NO_FOLIO };

/*
 * Reads the sizes of the folios that the frames from @pfn to @last belong to, as
 * far as there is room for runs of frames that have the same; returns how many runs
 * that are.
 *
 * Context: inside an RCU read-side critical section.
 */
unsigned int memintro_count_folios(u64 pfn, u64 last,
				   struct memintro_folio_run *runs,
				   unsigned int room)
{
	unsigned int looks, n = 0;

	for (looks = 0; pfn <= last && looks < LOOKS; looks++) {
		struct page *page = online_page(pfn);
		struct memintro_folio_run folio = no_folio;
		u64 pages;

		if (page) {
			folio = read_folio(page);
			/* To the end of the folio, which is aligned in memory. */
			pages = round_up(pfn + 1, 1ULL << folio.order) - pfn;
		} else {
			no_page(pfn, &pages);
		}
		pages = min(pages, last - pfn + 1);
		if (!add_folio(folio, pages, runs, &n, room))
			break;
		pfn += pages;
	}
	return n;
}

/* The same for the pages that entries lead to; there is a table of them at most. */
unsigned int memintro_folios_behind(const struct memintro_entry *entries,
				    unsigned int count,
				    struct memintro_folio_run *runs,
				    unsigned int room)
{
	struct page *online = NULL;
	u64 checked = U64_MAX;
	unsigned int i, n = 0;

	for (i = 0; i < count; i++) {
		u64 pfn = entries[i].target >> PAGE_SHIFT;
		struct memintro_folio_run folio = no_folio;

		/* Memory comes and goes by whole subsections. */
		if (round_down(pfn, PAGES_PER_SUBSECTION) != checked) {
			checked = round_down(pfn, PAGES_PER_SUBSECTION);
			online = online_page(pfn);
		}
		if (online)
			folio = read_folio(pfn_to_page(pfn));
		if (!add_folio(folio, 1, runs, &n, room))
			break;
	}
	return n;
}
