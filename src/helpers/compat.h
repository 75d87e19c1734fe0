/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place where the C code differs between versions of the kernel, and between
 * configurations of it; src/abstractions/compat.rs is that of the Rust code.
 *
 * What a newer kernel has is used by its name there. A branch goes when the last
 * kernel that needs it does.
 */
#ifndef MEMINTRO_COMPAT_H
#define MEMINTRO_COMPAT_H

#include <linux/build_bug.h>
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/pgtable.h>
#include <linux/types.h>

#ifdef before_7_3
/* 7.3 has one bit of entries for all that userfaultfd watches. */
#define pte_uffd pte_uffd_wp
#define pmd_uffd pmd_uffd_wp
#endif

/* What src/abstractions/compat.rs says. */
static_assert(VM_MAYSHARE == 0x80);

/* Pages of hugetlb that an address space maps. */
static inline u64 compat_hugetlb_pages(const struct mm_struct *mm)
{
#ifdef CONFIG_HUGETLB_PAGE
	return atomic_long_read(&mm->hugetlb_usage);
#else
	return 0;
#endif
}

#endif
