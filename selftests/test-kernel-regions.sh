#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: for random addresses of each region of the kernel's half, mapped or not, the
# answer equals what lookup_address(), vmalloc_to_page() and virt_to_phys() say:
# address, size of the page, level, permissions and flags, the lines of `levels`, the
# region, and whether the linear formula agrees. arm64 has no lookup_address(); there
# the processor translates (the instruction AT), which says nothing of sizes and levels.
#
#	ADDRESSES=10000 test-kernel-regions.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

reference=${REFERENCE_KO:-$here/reference/memintro_reference.ko}
if ! grep -q '^memintro_reference ' /proc/modules; then
	[ -e "$reference" ] || ktap_skip_all "no $reference"
	at_exit 'rmmod memintro_reference'
	insmod "$reference" || exit 1
fi

case $(uname -m) in
x86_64) regions="linear vmalloc vmemmap text modules percpu fixmap other" ;;
*) regions="linear vmalloc vmemmap text modules fixmap other" ;;
esac
# shellcheck disable=SC2086 # one word per region
set -- $regions
ktap_plan $(($# + 1))
ktap_diag "bits of user addresses: $("$bin/subject" --bits)," \
	"page-table isolation: $(grep -qw pti /proc/cpuinfo && echo on || echo off)"
log_mark
"$bin/compare-reference" --addresses "${ADDRESSES:-3000}" >"$tmp/out" 2>&1
status=$?
ktap_diag <"$tmp/out"
for region; do
	ktap_run "$region: no mismatch" grep -q "^region=$region .* mismatches=0 " "$tmp/out"
done
[ "$status" -eq 0 ] || ktap_diag "compare-reference ends with $status"
ktap_equal "every region was judged, and nothing is reported" "0 " "$status $(log_reports)"
ktap_finish
