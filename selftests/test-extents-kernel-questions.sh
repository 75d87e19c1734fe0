#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: extents refuses what is not a range of kernel addresses, and prints the end
# after the very last address as that address.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan 7
va=$(awk '$1 == "kmalloc" { print $2 }' /proc/memintro/kmem)
refused extents "kernel 0x1000-0x2000" EINVAL user-address
refused extents "kernel 0x1000-$va" EINVAL user-address
refused extents "kernel $va-$va" EINVAL not-an-address
refused extents "kernel $va" EINVAL not-a-question
refused extents "kernel 0x8080000000000000-$va" EINVAL not-canonical
ktap_equal "the last page of all" \
	"# end pid=kernel start=0xfffffffffffff000 end=0xffffffffffffffff hole_kb=4" \
	"$(ask extents "kernel 0xfffffffffffffffe-0xffffffffffffffff totals" |
		sed 's/rows=.*\(hole_kb=[0-9]*\).*/\1/')"
pa=$(awk '$1 == "kmalloc" { print $5 }' /proc/memintro/kmem)
ktap_equal "64 KiB of kmalloc are one piece" "1 0 0 $pa" \
	"$(ask extents "kernel $va-${va%0000}ffff" | awk -v pa="$pa" '
		$4 == pa { found = pa }
		/^# end/ {
			for (i = 1; i <= NF; i++) { split($i, a, "="); v[a[1]] = a[2] }
			print v["runs"], v["hole_kb"], v["zero_kb"], found
		}')"
ktap_finish
