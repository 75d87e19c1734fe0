/* SPDX-License-Identifier: GPL-2.0 */
/* What detectors.rs calls. */
#ifndef MEMINTRO_DETECTORS_HELPERS_H
#define MEMINTRO_DETECTORS_HELPERS_H

#include <linux/types.h>

int detectors_rcu_without_lock(void);
void detectors_warning(void);
void detectors_spinlock_in_raw_one(void);
u64 detectors_linear_of_vmalloc(void);

#endif
