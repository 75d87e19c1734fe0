#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: extents of a range of kernel addresses agrees with walk of single addresses:
# the module's own memory, its neighbourhood, and the very last addresses.
#
#	SAMPLES=N test-extents-kernel.sh
#
# Property: extents refuses what is not a range of kernel addresses, and prints the end
# after the very last address as that address.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan 20

# Answers.
samples=${SAMPLES:-300}
take_kmem

# Kernel addresses are larger than what every shell can compute with, so the
# last digits are replaced.
for kind in kmalloc vmalloc module-text module-data percpu kernel-stack; do
	va=$(awk -v kind="$kind" '$1 == kind { print $2 }' "$tmp/kmem")
	around="${va%?????}00000 ${va%?????}fffff"
	# shellcheck disable=SC2086 # start and end
	ktap_run "a megabyte around $kind" "$bin/compare-kernel" --samples "$samples" $around
	ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
	rows=$(printf '%s\n' "$ktap_out" | key rows)
	ktap_run "there is something" [ "${rows:-0}" -ge 1 ]
done
ktap_run "the last 16 MiB of all" \
	"$bin/compare-kernel" --samples "$samples" 0xffffffffff000000 0xffffffffffffffff
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
stop and

# Questions.
va=$(awk '$1 == "kmalloc" { print $2 }' /proc/memintro/kmem)
refused extents "kernel 0x1000-0x2000" EINVAL user-address
refused extents "kernel 0x1000-$va" EINVAL user-address
refused extents "kernel $va-$va" EINVAL not-an-address
refused extents "kernel $va" EINVAL not-a-question
refused extents "kernel 0x8080000000000000-$va" EINVAL not-canonical
ktap_equal "the last page of all" \
	"# end pid=kernel start=$(printf '0x%x' -"$page_size") end=0xffffffffffffffff hole_kb=$((page_size / 1024))" \
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
