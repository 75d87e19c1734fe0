#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: extents of a range of kernel addresses agrees with walk of single addresses:
# the module's own memory, its neighbourhood, and the very last addresses.
#
#	SAMPLES=N test-extents-kernel.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

samples=${SAMPLES:-300}
ktap_plan 13
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
ktap_finish
