// SPDX-License-Identifier: GPL-2.0
/*
 * Physical addresses as the kernel's own functions see them: a reference that
 * does not use memintro's walk.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "helpers.h"

/* The formula alone: virt_to_phys() may check its argument. */
u64 peer_pa_linear(u64 va)
{
#ifdef CONFIG_X86
	return __phys_addr_nodebug(va);
#else
	return __virt_to_phys_nodebug(va);
#endif
}

/* Context: @va is mapped, and stays so. */
u64 peer_pa_walk(u64 va)
{
	const void *address = (const void *)(unsigned long)va;

	if (is_vmalloc_addr(address))
		return page_to_phys(vmalloc_to_page(address)) +
			offset_in_page(va);
	return virt_to_phys((void *)address);
}
