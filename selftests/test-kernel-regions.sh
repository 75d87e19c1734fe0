#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
#
# Property: for random addresses of each region of the kernel's half, mapped
# ones and holes, the answer equals what lookup_address(), vmalloc_to_page() and
# virt_to_phys() say: address, size of the page, level, permissions and flags,
# the lines of `levels`, the region, and whether the linear formula agrees.
#
#	ADDRESSES=10000 test-kernel-regions.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

[ "$(uname -m)" = x86_64 ] || ktap_skip_all "lookup_address() is x86's"
reference=${REFERENCE_KO:-$here/reference/memintro_reference.ko}
if ! grep -q '^memintro_reference ' /proc/modules; then
	[ -e "$reference" ] || ktap_skip_all "no $reference"
	at_exit 'rmmod memintro_reference'
	insmod "$reference" || exit 1
fi

ktap_plan 9
ktap_diag "levels: $(grep -qw la57 /proc/cpuinfo && echo 5 || echo 4)," \
	"page-table isolation: $(grep -qw pti /proc/cpuinfo && echo on || echo off)"
log_mark
"$bin/compare-reference" --addresses "${ADDRESSES:-3000}" >"$tmp/out" 2>&1
status=$?
ktap_diag <"$tmp/out"
for region in linear vmalloc vmemmap text modules percpu fixmap other; do
	ktap_run "$region: no mismatch" grep -q "^region=$region .* mismatches=0 " "$tmp/out"
done
[ "$status" -eq 0 ] || ktap_diag "compare-reference ends with $status"
ktap_equal "every region was judged, and nothing is reported" "0 " "$status $(log_reports)"
ktap_finish
