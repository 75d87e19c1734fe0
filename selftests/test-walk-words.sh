#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: for a page without a physical page behind it, the sysfs walk prints the word
# of its kind (swap, guard, not-populated, ...), and for an address in no mapping
# no-vma.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
prepare_memory

list=$(kinds '.*' | grep -vxF "$(kinds 'page|mixed')")
# shellcheck disable=SC2086 # one word per kind
set -- $list
ktap_plan $#
for kind; do
	check_kind "$kind"
done
ktap_finish
