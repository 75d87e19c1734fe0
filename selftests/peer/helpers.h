/* SPDX-License-Identifier: GPL-2.0 */
/* What peer.rs calls. */
#ifndef MEMINTRO_PEER_HELPERS_H
#define MEMINTRO_PEER_HELPERS_H

#include <linux/types.h>

u64 peer_pa_linear(u64 va);
u64 peer_pa_walk(u64 va);

#endif
