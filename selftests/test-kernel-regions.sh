#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 6 s
#
# Property: the regions of layout follow each other without a gap, from the first
# address to the last, and are where the program headers of /proc/kcore have them.
#
# Property: for random addresses of each region of the kernel's half, mapped or not, the
# answer equals what lookup_address(), vmalloc_to_page() and virt_to_phys() say:
# address, size of the page, level, permissions and flags, the lines of `levels`, the
# region, whether the linear formula agrees, the type of memory, and the symbol of
# /proc/kallsyms. arm64 has no lookup_address(); there
# the processor translates (the instruction AT), which says nothing of sizes and levels.
#
#	ADDRESSES=10000 test-kernel-regions.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
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
ktap_plan $(($# + 9))
ktap_diag "bits of user addresses: $("$bin/subject" --bits)," \
	"page-table isolation: $(grep -qw pti /proc/cpuinfo && echo on || echo off)"
log_mark

ktap_run "as kcore has it" "$bin/compare-layout"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
cat /proc/memintro/layout >"$tmp/layout"
ktap_diag <"$tmp/layout"
first=$(column REGION <"$tmp/layout" | head -n 2 | paste -sd ' ' -)
ktap_equal "the user's half, and the hole" "user hole" "$first"
ktap_equal "it begins at 0" 0x0 "$(column START <"$tmp/layout" | head -n 1)"
ktap_equal "it ends at the end" 0xffffffffffffffff "$(column END <"$tmp/layout" | tail -n 1)"
for name in linear vmemmap vmalloc text; do
	column REGION <"$tmp/layout" | grep -qx $name || echo $name
done >"$tmp/missing"
ktap_equal "no region is missing" "" "$(cat "$tmp/missing")"
# The second reading may see more memory mapped, but no other place.
ktap_equal "it stays" "$(awk '{ print $1, $2, $3 }' "$tmp/layout")" \
	"$(awk '{ print $1, $2, $3 }' /proc/memintro/layout)"

"$bin/compare-reference" --addresses "${ADDRESSES:-1000}" >"$tmp/out" 2>&1
status=$?
ktap_diag <"$tmp/out"
for region; do
	ktap_run "$region: no mismatch" grep -q "^region=$region .* mismatches=0 " "$tmp/out"
done
# shellcheck disable=SC2016 # for awk
ktap_run "there are symbols, of modules too" awk '
	{ for (i = 1; i <= NF; i++) { split($i, pair, "="); sum[pair[1]] += pair[2] } }
	END { exit sum["symbols"] < 100 || sum["of_modules"] < 10 }' "$tmp/out"

# What a driver has mapped is of the type that the kernel keeps a list of.
list=/sys/kernel/debug/x86/pat_memtype_list
[ -e /sys/kernel/debug/x86 ] || mount -t debugfs none /sys/kernel/debug 2>/dev/null
if [ -r $list ]; then
	sed -n 's/.*\[mem \(0x[0-9a-f]*\)-.*\] \(.*\)/\1 \2/p' $list | sort -u >"$tmp/types"
	while read -r pa type; do
		case $type in
		write-back) word='wb' ;;
		write-combining) word='wc' ;;
		uncached-minus) word='uc-' ;;
		uncached) word='uc' ;;
		write-through) word='wt' ;;
		*) word='wp' ;;
		esac
		for va in $(ask rmap "$pa kernel" | awk '$4 == "vmalloc" { print $1 }'); do
			echo "$word $(ask walk "kernel $va" | key cache)"
		done
	done <"$tmp/types" | sort | uniq -c >"$tmp/caches"
	ktap_diag <"$tmp/caches"
	# shellcheck disable=SC2016 # for awk
	ktap_run "types of memory are those of pat_memtype_list" awk '
		$2 != $3 { wrong = 1 } $2 ~ /^uc/ { n++ } END { exit wrong || !n }' "$tmp/caches"
else
	ktap_skip "types of memory are those of pat_memtype_list" "there is no such list"
fi
[ "$status" -eq 0 ] || ktap_diag "compare-reference ends with $status"
ktap_equal "every region was judged, and nothing is reported" "0 " "$status $(log_reports)"
ktap_finish
