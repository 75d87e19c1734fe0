/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's inline functions and macros that memintro needs from Rust.
 *
 * Structures and numbers here have a twin in Rust: struct memintro_entry,
 * enum memintro_kind and enum memintro_flag in src/model/pgtable.rs, the rest
 * in src/abstractions/bindings.rs.
 */
#ifndef MEMINTRO_HELPERS_H
#define MEMINTRO_HELPERS_H

#include <linux/limits.h>
#include <linux/stddef.h>
#include <linux/types.h>

struct file;
struct mm_struct;
struct module;
struct pid_namespace;
struct task_struct;
struct vm_area_struct;

/* Levels of the page tables, from the page up. */
enum memintro_level {
	MEMINTRO_PTE,
	MEMINTRO_PMD,
	MEMINTRO_PUD,
	MEMINTRO_P4D,
	MEMINTRO_PGD,
	MEMINTRO_LEVELS,
};

enum memintro_kind {
	MEMINTRO_NONE,
	MEMINTRO_TABLE,
	MEMINTRO_LEAF,
	MEMINTRO_SWAP,
	MEMINTRO_MIGRATION,
	MEMINTRO_DEVICE,
	MEMINTRO_HWPOISON,
	MEMINTRO_POISON,
	MEMINTRO_GUARD,
	MEMINTRO_UFFD,
	MEMINTRO_BAD,
};

enum memintro_flag {
	MEMINTRO_READ		= 1 << 0,
	MEMINTRO_WRITE		= 1 << 1,
	MEMINTRO_EXEC		= 1 << 2,
	MEMINTRO_USER		= 1 << 3,
	MEMINTRO_ACCESSED	= 1 << 4,
	MEMINTRO_DIRTY		= 1 << 5,
	MEMINTRO_SOFT_DIRTY	= 1 << 6,
	MEMINTRO_NX		= 1 << 7,
	MEMINTRO_GLOBAL		= 1 << 8,
	MEMINTRO_SPECIAL	= 1 << 9,
	MEMINTRO_ZERO		= 1 << 10,
	MEMINTRO_PROTNONE	= 1 << 11,
	MEMINTRO_IS_UFFD	= 1 << 12,
	MEMINTRO_HUGETLB	= 1 << 13,
	MEMINTRO_CONTIGUOUS	= 1 << 14,
};

/* Above the flags, four bits each: enum memintro_cache, and the protection key. */
#define MEMINTRO_CACHE_SHIFT	16
#define MEMINTRO_PKEY_SHIFT	20
#define MEMINTRO_HAS_PKEY	(1 << 24)

/* The types of memory that an entry asks for. */
enum memintro_cache {
	MEMINTRO_CACHE_WB = 1,
	MEMINTRO_CACHE_WC,
	MEMINTRO_CACHE_UC_MINUS,
	MEMINTRO_CACHE_UC,
	MEMINTRO_CACHE_WT,
	MEMINTRO_CACHE_WP,
	MEMINTRO_CACHE_NORMAL,
	MEMINTRO_CACHE_NC,
	MEMINTRO_CACHE_DEVICE,
	MEMINTRO_CACHE_TAGGED,
};

/* A part of the address space. */
struct memintro_window {
	const char *name;
	u64 start;
	u64 last;
};

/* What a page frame is, as far as its kind depends on it. */
enum memintro_page_trait {
	/* No page that could be examined: no memory, a device's, or offline. */
	MEMINTRO_PAGE_NONE		= 1 << 0,
	MEMINTRO_PAGE_DEVICE		= 1 << 1,
	MEMINTRO_PAGE_OFFLINE_SECTION	= 1 << 2,
	MEMINTRO_PAGE_HWPOISON		= 1 << 3,
	MEMINTRO_PAGE_ZERO		= 1 << 4,
	MEMINTRO_PAGE_BUDDY		= 1 << 5,
	MEMINTRO_PAGE_UNACCEPTED	= 1 << 6,
	MEMINTRO_PAGE_OFFLINE		= 1 << 7,
	MEMINTRO_PAGE_SLAB		= 1 << 8,
	MEMINTRO_PAGE_TABLE		= 1 << 9,
	MEMINTRO_PAGE_HUGETLB		= 1 << 10,
	/* Another type. */
	MEMINTRO_PAGE_TYPED		= 1 << 11,
	MEMINTRO_PAGE_RESERVED		= 1 << 12,
	MEMINTRO_PAGE_KSM		= 1 << 13,
	MEMINTRO_PAGE_ANON		= 1 << 14,
	MEMINTRO_PAGE_FILE		= 1 << 15,
	MEMINTRO_PAGE_SWAPBACKED	= 1 << 16,
	MEMINTRO_PAGE_SWAPCACHE		= 1 << 17,
	/* It changed while it was read. */
	MEMINTRO_PAGE_TORN		= 1 << 18,
};

enum memintro_zone {
	MEMINTRO_ZONE_DMA,
	MEMINTRO_ZONE_DMA32,
	MEMINTRO_ZONE_NORMAL,
	MEMINTRO_ZONE_MOVABLE,
	MEMINTRO_ZONE_DEVICE,
};

struct memintro_page {
	/* As /proc/kpageflags has them. */
	u64 flags;
	/* The frame of the first page of the folio. */
	u64 head;
	/* The inodes of the cgroup and of the file; 0 if there is none. */
	u64 cgroup;
	u64 inode;
	/* Which page of the file it is. */
	u64 index;
	/* As stat(2) has it. */
	u32 dev;
	s32 node;
	/* enum memintro_page_trait */
	u32 traits;
	s32 refs;
	s32 maps;
	u8 order;
	bool pinned;
	/* enum memintro_zone */
	u8 zone;
	u8 unused;
};

struct memintro_page_run {
	u64 pages;
	u32 traits;
	u32 unused;
};

/* No name of a symbol with its offset and module is longer. */
#define MEMINTRO_SYMBOL_MAX 768

/* Frames in folios of one size on one node, or in none. */
#define MEMINTRO_NO_FOLIO U32_MAX

struct memintro_folio_run {
	u64 pages;
	u32 order;
	u32 node;
};

/* No physical address. */
#define MEMINTRO_NO_PA U64_MAX

struct memintro_entry {
	u64 value;
	u64 target;
	/* Copied as one word where neighbours say the same. */
	struct_group_tagged(memintro_what, what,
		u32 flags;
		u8 kind;
		u8 page_shift;
		u16 swap_type;
	);
};

/* What the entries of one mapping mean beyond their bits. */
struct memintro_view {
	/* The size of a hugetlb mapping's pages; 0 for any other mapping. */
	u8 hugetlb_shift;
	/* The level at which those pages are entries. */
	u8 hugetlb_level;
	/* Only the huge zero page can be special here. */
	bool special_is_zero;
};

/* The shape of the page tables in the paging mode that the machine runs. */
struct memintro_shape {
	u8 shift[MEMINTRO_LEVELS];
	u16 entries[MEMINTRO_LEVELS];
};

struct memintro_paging {
	struct memintro_shape shape;
	u8 top;
	u8 user_bits;
	u8 kernel_bits;
};

/* How far down an address leads: a table, its level, and what all entries above allow. */
struct memintro_way {
	const void *table;
	u32 level;
	u32 perm;
};

/* The entries of a way, by their levels, and where they are. */
struct memintro_path {
	struct memintro_entry entry[MEMINTRO_LEVELS];
	const void *at[MEMINTRO_LEVELS];
};

/* What an address space amounts to; bytes, but for the number of mappings. */
struct memintro_mm_stat {
	u64 total_vm;
	u64 anon;
	u64 file;
	u64 shmem;
	u64 swap;
	u64 hugetlb;
	u64 pgtables;
	u64 map_count;
};

/* What a mapping shows; no file has the number 0. */
struct memintro_vma_source {
	u64 ino;
	u64 pgoff;
	u32 dev;
	u32 generation;
};

/* Where memory of the module's own is. */
struct memintro_area {
	u64 va;
	u64 size;
};

/* Page tables of processes: pgtable.c, and decode.h */
void memintro_view(struct vm_area_struct *vma, struct memintro_view *view);
unsigned int memintro_empty_entries(unsigned int level, const void *table,
				    unsigned int first, unsigned int count);
unsigned int memintro_read_entries(const struct memintro_view *view,
				   unsigned int level, const void *table,
				   unsigned int first, unsigned int count,
				   struct memintro_entry *entries);
const void *memintro_read_entry(const struct memintro_view *view,
				unsigned int level, const void *table,
				unsigned int index,
				struct memintro_entry *entry);
void memintro_descend(const struct memintro_view *view,
		      const struct memintro_shape *shape, u64 va,
		      struct memintro_way *way);
bool memintro_walk(const struct memintro_view *view,
		   const struct memintro_shape *shape, u64 va,
		   struct memintro_way *way, struct memintro_path *path,
		   struct memintro_entry *entry);
u64 memintro_read_value(unsigned int level, const void *table,
			unsigned int index);
bool memintro_points_to(const void *table, unsigned int first,
		       unsigned int count, u64 pfn);

/* The kernel's page tables, and what both need: kernel_pgtable.c */
void memintro_paging(struct memintro_paging *paging);
void memintro_read_kernel_entries(unsigned int level, const void *table,
				  unsigned int first, unsigned int count,
				  struct memintro_entry *entries);
void *memintro_kernel_table_at(u64 pa);
void *memintro_kernel_pgd(void);
u64 memintro_pa_linear(u64 va);
const char *memintro_region(u64 va, u64 pa);
void memintro_windows(struct memintro_window *to, unsigned int room);
void memintro_image(u64 *text, u64 *data);
unsigned int memintro_symbol(u64 va, char *text);

/* Page frames: page.c */
int memintro_watch_memory(void);
void memintro_unwatch_memory(void);
bool memintro_read_page(u64 pfn, struct memintro_page *to);
unsigned int memintro_count_pages(u64 pfn, u64 last,
				  struct memintro_page_run *runs,
				  unsigned int room);
unsigned int memintro_node_ids(void);
unsigned int memintro_count_folios(u64 pfn, u64 last,
				   struct memintro_folio_run *runs,
				   unsigned int room);
unsigned int memintro_folios_behind(const struct memintro_entry *entries,
				    unsigned int count,
				    struct memintro_folio_run *runs,
				    unsigned int room);

/* Memory: helpers.c */
u64 memintro_untagged_addr(u64 va);
void memintro_mm_stat(struct mm_struct *mm, struct memintro_mm_stat *stat);
void memintro_vma_source(const struct vm_area_struct *vma,
			 struct memintro_vma_source *source);
size_t memintro_vma_name(struct vm_area_struct *vma, char *name, size_t size);
void memintro_own_memory(struct module *module, struct memintro_area *areas);

/* Tasks: helpers.c */
struct task_struct *memintro_next_thread(struct task_struct *process,
					 struct task_struct *thread);
char memintro_task_state(struct task_struct *task);
void memintro_task_comm(struct task_struct *task, char *comm);
pid_t memintro_task_ppid(struct task_struct *task, struct pid_namespace *ns);
void memintro_task_lock(struct task_struct *task);
void memintro_task_unlock(struct task_struct *task);
unsigned long memintro_task_sp(const struct task_struct *task);
bool memintro_task_on_cpu(const struct task_struct *task);
unsigned long memintro_thread_size(void);

/* Files: helpers.c */
const void *memintro_pde_data(const struct file *file);
struct pid_namespace *memintro_proc_pid_ns(const struct file *file);
bool memintro_file_is_readable(const struct file *file);
bool memintro_kptr_restricted(void);
void memintro_cond_resched(void);
bool memintro_fatal_signal_pending(void);
unsigned long memintro_local_irq_save(void);
void memintro_local_irq_restore(unsigned long flags);

#endif
