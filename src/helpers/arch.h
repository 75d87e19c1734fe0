/* SPDX-License-Identifier: GPL-2.0 */
/* The one place where the module's code differs between architectures. */
#if defined(CONFIG_X86_64)
#include "x86.h"
#elif defined(CONFIG_ARM64)
#include "arm64.h"
#else
#error "memintro knows x86_64 and arm64"
#endif
