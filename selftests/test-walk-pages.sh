#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 5 s
#
# Property: for every kind of page with a physical page behind it, the sysfs walk gives
# the physical address that /proc/PID/pagemap gives, at every offset in the page, also
# in 2 MiB and 1 GiB pages and under PROT_NONE; for a page without one the word of its
# kind (swap, guard, not-populated, ...), and for an address in no mapping no-vma.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
prepare_memory

list=$(kinds '.*')
# shellcheck disable=SC2086 # one word per kind
set -- $list
ktap_plan $#
for kind; do
	check_kind "$kind"
done
ktap_finish
