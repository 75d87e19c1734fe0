// SPDX-License-Identifier: GPL-2.0
/*
 * Bugs that only a macro or an inline function of C can have.
 */
#include <linux/bug.h>
#include <linux/io.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include "helpers.h"

static int value;
static int __rcu *shared = RCU_INITIALIZER(&value);

int detectors_rcu_without_lock(void)
{
	return *rcu_dereference(shared);
}

void detectors_warning(void)
{
	WARN(1, "a warning");
}

u64 detectors_linear_of_vmalloc(void)
{
	void *object = vmalloc(1);
	u64 pa = virt_to_phys(object);

	vfree(object);
	return pa;
}

/* On a real-time kernel the inner one may sleep. */
void detectors_spinlock_in_raw_one(void)
{
	static DEFINE_RAW_SPINLOCK(outer);
	static DEFINE_SPINLOCK(inner);

	raw_spin_lock(&outer);
	spin_lock(&inner);
	spin_unlock(&inner);
	raw_spin_unlock(&outer);
}
