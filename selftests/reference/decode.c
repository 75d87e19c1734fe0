// SPDX-License-Identifier: GPL-2.0
/*
 * Calls memintro's helpers, which it contains, with what no program can bring
 * about for long enough: an entry of a huge page that is being split, and a
 * frame that is free memory by now. Writes a line "NAME: ok" or "NAME: wrong"
 * for each check into the kernel's log.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/module.h>

#include "../../src/helpers/kernel_pgtable.c"
#include "../../src/helpers/pgtable.c"

/* More than what the processors keep for themselves when it is freed. */
#define ORDER 4

static void say(const char *name, bool ok)
{
	pr_info("%s: %s\n", name, ok ? "ok" : "wrong");
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static void check_split(void)
{
	const u32 access = MEMINTRO_READ | MEMINTRO_WRITE | MEMINTRO_EXEC;
	const u64 pfn = PMD_SIZE >> PAGE_SHIFT;
	const struct memintro_view view = {};
	struct memintro_entry whole, split;
	pmd_t pmd = pmd_mkhuge(pfn_pmd(pfn, PAGE_SHARED));

	memintro_read_entry(&view, MEMINTRO_PMD, &pmd, 0, &whole);
	say("a huge page allows reads",
	    whole.kind == MEMINTRO_LEAF && whole.flags & MEMINTRO_READ &&
	    whole.target == PFN_PHYS(pmd_pfn(pmd)));
	pmd = pmd_mkinvalid(pmd);
	memintro_read_entry(&view, MEMINTRO_PMD, &pmd, 0, &split);
	say("while it is split it is there",
	    split.kind == MEMINTRO_LEAF && split.target == whole.target);
	say("while it is split it allows nothing", !(split.flags & access));
}
#else
static void check_split(void) { }
#endif

/* The first page of the free block that @page is in, if it is free. */
static struct page *free_block(struct page *page)
{
	unsigned int order;

	for (order = 0; order <= MAX_PAGE_ORDER; order++) {
		struct page *first = pfn_to_page(round_down(page_to_pfn(page),
							    1UL << order));

		if (PageBuddy(first))
			return first;
	}
	return NULL;
}

/* Free memory may be taken by others meanwhile: then it is tried again. */
static int check_free(void)
{
	unsigned int tries;

	for (tries = 0; tries < 10000; tries++) {
		struct page *page = alloc_pages(GFP_KERNEL, ORDER);
		struct page *first;
		void *used, *free;
		u64 pa;

		if (!page)
			return -ENOMEM;
		pa = page_to_phys(page);
		used = memintro_kernel_table_at(pa);
		__free_pages(page, ORDER);
		first = free_block(page);
		if (!first)
			continue;
		free = memintro_kernel_table_at(page_to_phys(first));
		if (!PageBuddy(first))
			continue;
		say("memory in use may be a table", used == __va(pa));
		say("free memory is no table", !free);
		return 0;
	}
	return -EAGAIN;
}

static int __init decode_init(void)
{
	check_split();
	return check_free();
}
module_init(decode_init);

static void __exit decode_exit(void)
{
}
module_exit(decode_exit);

MODULE_DESCRIPTION("Checks of memintro's helpers, for its selftests");
MODULE_LICENSE("GPL");
