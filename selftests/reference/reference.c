// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's own functions say of kernel addresses, for the selftests.
 *
 * /proc/memintro_reference/regions: a line "NAME START END" for each region,
 * END not included.
 *
 * /proc/memintro_reference/lookup: a write of up to 512 addresses, then one
 * read of as many struct answer, in the byte order of the machine.
 *
 * It shares no code with memintro on purpose, and is in C because most of it
 * is macros of the kernel. Never load it on a machine that matters: it answers
 * root without asking for a capability.
 */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/fixmap.h>
#ifdef CONFIG_X86
#include <asm/cpu_entry_area.h>
#endif

#define MOST 512

enum {
	PRESENT = 1 << 0,	/* lookup_address() or the processor finds a page */
	HAS_PAGE = 1 << 1,	/* vmalloc_to_page() finds one */
	IS_LINEAR = 1 << 2,	/* virt_to_phys() may be asked */
	HAS_LEVEL = 1 << 3,	/* level and value are known */
};

struct answer {
	u64 flags;
	u64 level;	/* 0 for the page table's entries, 1 above, ... */
	u64 value;	/* of the entry; 0 where there is none */
	u64 pa;		/* if PRESENT */
	u64 page_pa;	/* if HAS_PAGE */
	u64 linear_pa;	/* if IS_LINEAR */
};

struct session {
	struct mutex lock;
	unsigned int count;
	u64 va[MOST];
	struct answer answers[MOST];
};

#ifdef CONFIG_X86
static void lookup_table(u64 va, struct answer *answer)
{
	unsigned int level;
	pte_t *pte = lookup_address(va, &level);
	u64 pfn;

	answer->flags |= HAS_LEVEL;
	answer->level = level - PG_LEVEL_4K;
	if (!pte)
		return;
	answer->value = pte_val(*pte);
	if (!(pte_flags(*pte) & _PAGE_PRESENT))
		return;
	answer->flags |= PRESENT;
	/* As slow_virt_to_phys() does, which dies of a hole. */
	switch (level) {
	case PG_LEVEL_1G:
		pfn = pud_pfn(*(pud_t *)pte);
		answer->pa = PFN_PHYS(pfn) | (va & ~PUD_MASK);
		break;
	case PG_LEVEL_2M:
		pfn = pmd_pfn(*(pmd_t *)pte);
		answer->pa = PFN_PHYS(pfn) | (va & ~PMD_MASK);
		break;
	default:
		answer->pa = PFN_PHYS(pte_pfn(*pte)) | (va & ~PAGE_MASK);
	}
}

static void show_regions(struct seq_file *m)
{
	u64 pages = PHYS_PFN(__pa(high_memory - 1)) + 1;

	seq_printf(m, "linear %#lx %#lx\n", PAGE_OFFSET,
		   (unsigned long)high_memory);
	seq_printf(m, "vmalloc %#lx %#lx\n", VMALLOC_START, VMALLOC_END + 1);
	seq_printf(m, "vmemmap %#lx %#lx\n", VMEMMAP_START,
		   (unsigned long)PAGE_ALIGN(VMEMMAP_START +
					     pages * sizeof(struct page)));
	seq_printf(m, "percpu %#lx %#lx\n", CPU_ENTRY_AREA_BASE,
		   CPU_ENTRY_AREA_BASE + CPU_ENTRY_AREA_MAP_SIZE);
	seq_printf(m, "text %#lx %#lx\n", __START_KERNEL_map,
		   __START_KERNEL_map + KERNEL_IMAGE_SIZE);
	seq_printf(m, "modules %#lx %#lx\n", MODULES_VADDR,
		   (unsigned long)MODULES_END);
	seq_printf(m, "fixmap %#lx %#lx\n", (unsigned long)FIXADDR_TOT_START,
		   (unsigned long)FIXADDR_TOP);
}
static bool is_linear(u64 va)
{
	return va >= PAGE_OFFSET && va < (unsigned long)high_memory;
}
#else
/* The processor translates it, as it would for a load by the kernel. */
static void lookup_table(u64 va, struct answer *answer)
{
	unsigned long flags;
	u64 par;

	local_irq_save(flags);
	asm volatile("at s1e1r, %1\n\tisb\n\tmrs %0, par_el1"
		     : "=r" (par) : "r" (va) : "memory");
	local_irq_restore(flags);
	/* Bit 0: it would fault. */
	if (par & 1)
		return;
	answer->flags |= PRESENT;
	answer->pa = (par & GENMASK_ULL(51, 12)) | (va & ~PAGE_MASK);
}

static void show_regions(struct seq_file *m)
{
	seq_printf(m, "linear %#lx %#lx\n",
		   (unsigned long)_PAGE_OFFSET(vabits_actual),
		   (unsigned long)PAGE_END);
	seq_printf(m, "modules %#lx %#lx\n", (unsigned long)MODULES_VADDR,
		   (unsigned long)MODULES_END);
	seq_printf(m, "vmalloc %#lx %#lx\n", (unsigned long)VMALLOC_START,
		   (unsigned long)VMALLOC_END);
	seq_printf(m, "vmemmap %#lx %#lx\n",
		   (unsigned long)VMALLOC_END + SZ_8M,
		   (unsigned long)VMEMMAP_END);
	seq_printf(m, "fixmap %#lx %#lx\n", (unsigned long)FIXADDR_TOT_START,
		   (unsigned long)FIXADDR_TOP);
}

static bool is_linear(u64 va)
{
	return __is_lm_address(va);
}
#endif

static void lookup(u64 va, struct answer *answer)
{
	void *p = (void *)(unsigned long)va;

	*answer = (struct answer) {};
	lookup_table(va, answer);
	if (is_vmalloc_or_module_addr(p)) {
		struct page *page = vmalloc_to_page(p);

		if (page) {
			answer->flags |= HAS_PAGE;
			answer->page_pa = PFN_PHYS(page_to_pfn(page)) | offset_in_page(p);
		}
	} else if (is_linear(va)) {
		answer->flags |= IS_LINEAR;
		answer->linear_pa = virt_to_phys(p);
	}
}

static int lookup_open(struct inode *inode, struct file *file)
{
	struct session *session = kvzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return -ENOMEM;
	mutex_init(&session->lock);
	file->private_data = session;
	return stream_open(inode, file);
}

static ssize_t lookup_write(struct file *file, const char __user *from,
			    size_t length, loff_t *pos)
{
	struct session *session = file->private_data;
	unsigned int i;
	ssize_t ret = length;

	if (!length || length > sizeof(session->va) || length % sizeof(u64))
		return -EINVAL;
	mutex_lock(&session->lock);
	session->count = length / sizeof(u64);
	if (copy_from_user(session->va, from, length)) {
		session->count = 0;
		ret = -EFAULT;
	}
	for (i = 0; i < session->count; i++)
		lookup(session->va[i], &session->answers[i]);
	mutex_unlock(&session->lock);
	return ret;
}

static ssize_t lookup_read(struct file *file, char __user *to, size_t length,
			   loff_t *pos)
{
	struct session *session = file->private_data;
	ssize_t ret;

	mutex_lock(&session->lock);
	ret = session->count * sizeof(struct answer);
	if (length < ret)
		ret = -EINVAL;
	else if (copy_to_user(to, session->answers, ret))
		ret = -EFAULT;
	mutex_unlock(&session->lock);
	return ret;
}

static int lookup_release(struct inode *inode, struct file *file)
{
	kvfree(file->private_data);
	return 0;
}

static const struct proc_ops lookup_ops = {
	.proc_open = lookup_open,
	.proc_read = lookup_read,
	.proc_write = lookup_write,
	.proc_release = lookup_release,
};

static int regions_show(struct seq_file *m, void *data)
{
	show_regions(m);
	return 0;
}

static struct proc_dir_entry *dir;

static int __init reference_init(void)
{
	dir = proc_mkdir_mode("memintro_reference", 0500, NULL);
	if (!dir)
		return -ENOMEM;
	if (proc_create_single("regions", 0400, dir, regions_show) &&
	    proc_create("lookup", 0600, dir, &lookup_ops))
		return 0;
	proc_remove(dir);
	return -ENOMEM;
}

static void __exit reference_exit(void)
{
	proc_remove(dir);
}

module_init(reference_init);
module_exit(reference_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("What the kernel itself says of its addresses, for memintro's selftests");
