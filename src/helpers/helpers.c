// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's inline functions and macros, one thin function each, in the
 * order of helpers.h.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/irqflags.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mmap_lock.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/sprintf.h>
#include <linux/uaccess.h>

#include "helpers.h"
#include "arch.h"
#include "compat.h"

/* The module! macro of rust/kernel has no field for it. */
MODULE_VERSION("0.1.0");

/* struct proc_ops has a twin in src/abstractions/bindings.rs. */
static_assert(PROC_ENTRY_PERMANENT == 0);
static_assert(offsetof(const struct proc_ops, proc_flags) == 0);
static_assert(offsetof(const struct proc_ops, proc_open) == 8);
static_assert(offsetof(const struct proc_ops, proc_read_iter) == 24);
static_assert(offsetof(const struct proc_ops, proc_write) == 32);
static_assert(offsetof(const struct proc_ops, proc_lseek) == 40);
static_assert(offsetof(const struct proc_ops, proc_release) == 48);
static_assert(sizeof(const struct proc_ops) == (IS_ENABLED(CONFIG_COMPAT) ? 96 : 88));

/*
 * untagged_addr() is for user addresses: with LAM it would clear bits of the
 * kernel's. Those may have a tag of KASAN's.
 */
u64 memintro_untagged_addr(u64 va)
{
	if (arch_is_kernel_half(va))
		return (u64)kasan_reset_tag((void *)va);
	return (u64)untagged_addr((unsigned long)va);
}

/* The thread of @process after @thread, or the first. Context: RCU. */
struct task_struct *memintro_next_thread(struct task_struct *process,
					 struct task_struct *thread)
{
	if (thread)
		return __next_thread(thread);
	return list_first_or_null_rcu(&process->signal->thread_head,
				      struct task_struct, thread_node);
}

char memintro_task_state(struct task_struct *task)
{
	return task_state_to_char(task);
}

/* @comm: TASK_COMM_LEN bytes. */
void memintro_task_comm(struct task_struct *task, char *comm)
{
	strscpy_pad(comm, task->comm, TASK_COMM_LEN);
}

pid_t memintro_task_ppid(struct task_struct *task, struct pid_namespace *ns)
{
	return task_ppid_nr_ns(task, ns);
}

void memintro_task_lock(struct task_struct *task)
{
	task_lock(task);
}

void memintro_task_unlock(struct task_struct *task)
{
	task_unlock(task);
}

unsigned long memintro_task_sp(const struct task_struct *task)
{
	return arch_task_sp(task);
}

bool memintro_task_on_cpu(const struct task_struct *task)
{
	return task == current || READ_ONCE(task->on_cpu);
}

unsigned long memintro_thread_size(void)
{
	return THREAD_SIZE;
}

const void *memintro_pde_data(const struct file *file)
{
	return pde_data(file_inode(file));
}

/* The procfs mount, and so its namespace, lives as long as @file is open. */
struct pid_namespace *memintro_proc_pid_ns(const struct file *file)
{
	return proc_pid_ns(file_inode(file)->i_sb);
}

bool memintro_file_is_readable(const struct file *file)
{
	return file->f_mode & FMODE_READ;
}

/*
 * Whether kptr_restrict is 2. It is not exported, but %pK prints zeros then,
 * for a pointer that it would not hash either. Where it is 1 that depends on
 * credentials; CAP_SYSLOG is asked for elsewhere. Context: process.
 */
bool memintro_kptr_restricted(void)
{
	char text[2 * sizeof(void *) + 1];
	const struct cred *cred = override_creds(kernel_cred());

	scnprintf(text, sizeof(text), "%pK", ERR_PTR(-1));
	revert_creds(cred);
	return text[0] == '0';
}

void memintro_cond_resched(void)
{
	cond_resched();
}

/*
 * For src/abstractions/compat.rs, where rust/kernel cannot turn interrupts off.
 * Context: any; memintro_local_irq_restore() is for the same processor.
 */
unsigned long memintro_local_irq_save(void)
{
	unsigned long flags;

	local_irq_save(flags);
	return flags;
}

void memintro_local_irq_restore(unsigned long flags)
{
	local_irq_restore(flags);
}

bool memintro_fatal_signal_pending(void)
{
	return fatal_signal_pending(current);
}

/* The layout has a twin in src/model/rows.rs. */
static_assert(sizeof(struct memintro_mm_stat) == 64);

/* Context: any; exact counters, so the cost grows with the CPUs. */
void memintro_mm_stat(struct mm_struct *mm, struct memintro_mm_stat *stat)
{
	*stat = (struct memintro_mm_stat) {
		.total_vm = (u64)READ_ONCE(mm->total_vm) << PAGE_SHIFT,
		.anon = (u64)get_mm_counter_sum(mm, MM_ANONPAGES) << PAGE_SHIFT,
		.file = (u64)get_mm_counter_sum(mm, MM_FILEPAGES) << PAGE_SHIFT,
		.shmem = (u64)get_mm_counter_sum(mm, MM_SHMEMPAGES) << PAGE_SHIFT,
		.swap = (u64)get_mm_counter_sum(mm, MM_SWAPENTS) << PAGE_SHIFT,
		.hugetlb = compat_hugetlb_pages(mm) << PAGE_SHIFT,
		.pgtables = mm_pgtables_bytes(mm),
		.map_count = READ_ONCE(mm->map_count),
	};
}

/*
 * What a mapping shows: not the file, which may be freed and its memory be
 * another's, but what tells one file from another. Context: the mapping is
 * locked for reading.
 */
void memintro_vma_source(const struct vm_area_struct *vma,
			 struct memintro_vma_source *source)
{
	const struct inode *inode;

	*source = (struct memintro_vma_source) { .pgoff = vma->vm_pgoff };
	if (!vma->vm_file)
		return;
	inode = file_inode(vma->vm_file);
	source->ino = inode->i_ino;
	source->dev = inode->i_sb->s_dev;
	source->generation = inode->i_generation;
}

/*
 * Writes the name that /proc/PID/maps shows to @name, without a final NUL, and
 * returns its length. Context: the mapping is locked for reading.
 */
size_t memintro_vma_name(struct vm_area_struct *vma, char *name, size_t size)
{
	struct anon_vma_name *anon_name = NULL;
	const char *special = NULL;
	char *path;

#ifdef CONFIG_ANON_VMA_NAME
	/* anon_vma_name() is this, but it is not exported. */
	vma_assert_stabilised(vma);
	anon_name = vma->anon_name;
#endif
	if (vma->vm_file) {
		if (anon_name)
			return scnprintf(name, size, "[anon_shmem:%s]",
					 anon_name->name);
		path = d_path(file_user_path(vma->vm_file), name, size);
		if (IS_ERR(path))
			return scnprintf(name, size, "(name too long)");
		size = strlen(path);
		memmove(name, path, size);
		return size;
	}
	if (vma->vm_ops && vma->vm_ops->name)
		special = vma->vm_ops->name(vma);
	if (!special && vma_is_initial_heap(vma))
		special = "[heap]";
	if (!special && vma_is_initial_stack(vma))
		special = "[stack]";
	if (special)
		return scnprintf(name, size, "%s", special);
	if (anon_name)
		return scnprintf(name, size, "[anon:%s]", anon_name->name);
	return 0;
}

static DEFINE_PER_CPU(u64, percpu_sample);

static struct memintro_area area(const void *start, u64 size)
{
	return (struct memintro_area) { .va = (u64)start, .size = size };
}

/* Memory of the module's own, for kmem: four areas. */
void memintro_own_memory(struct module *module, struct memintro_area *areas)
{
	const struct module_memory *text = &module->mem[MOD_TEXT];
	const struct module_memory *data = &module->mem[MOD_DATA];
	const int cpu = cpumask_first(cpu_possible_mask);

	areas[0] = area(text->base, text->size);
	areas[1] = area(data->base, data->size);
	areas[2] = area(per_cpu_ptr(&percpu_sample, cpu), sizeof(percpu_sample));
	areas[3] = area(task_stack_page(current), THREAD_SIZE);
}
