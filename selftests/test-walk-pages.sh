#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 3 s
#
# Property: for every kind of page with a physical page behind it, the sysfs walk gives
# the physical address that /proc/PID/pagemap gives, at every offset in the page, also
# in 2 MiB and 1 GiB pages and under PROT_NONE; for a page without one the word of its
# kind (swap, guard, not-populated, ...), and for an address in no mapping no-vma.
#
# Property: arm64's TLB may hold 16 entries (16K: 128 or 32) as one if all of them have
# the contiguous bit and are consistent; then, and only then, walk prints the size of
# the whole block. Judged by the entries as /proc/kcore shows them.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
prepare_memory

list=$(kinds '.*')
# shellcheck disable=SC2086 # one word per kind
set -- $list
case $(uname -m) in
aarch64) runs_planned=12 ;;
*) runs_planned=0 ;;
esac
ktap_plan $(($# + runs_planned))
property="every answer equals pagemap's or is the kind's word" possible=''
for kind; do
	reason=$(cannot_have "$kind")
	[ -z "$reason" ] || ktap_skip "$kind: $property" "$reason"
	[ -n "$reason" ] || possible="$possible $kind"
done
# shellcheck disable=SC2086 # one word per kind
"$bin/compare-walk" --kinds $possible >"$tmp/out" 2>&1
status=$?
while read -r line; do
	case $line in
	verdict*)
		line=${line#verdict }
		name="${line%% *}: $property"
		case ${line#* } in
		right) ktap_ok "$name" ;;
		skip*) ktap_skip "$name" "${line#* skip }" ;;
		*) ktap_not_ok "$name" ;;
		esac
		;;
	*) ktap_diag "$line" ;;
	esac
done <"$tmp/out"
[ $status -eq 0 ] || ktap_diag "compare-walk ends with $status"

runs() { # KIND none|some|all
	start subject "$bin/subject" "$1" || {
		ktap_diag <"$tmp/subject.err"
		ktap_not_ok "$1: it can be made"
		ktap_not_ok "$1: its pages are parts of runs"
		return
	}
	ktap_run "$1: every size is what the entries say" \
		"$bin/compare-runs" "$(pid_of subject)" <"$tmp/subject.out"
	ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
	stop subject
	ktap_equal "$1: its pages are parts of runs" "$2" "$(printf '%s\n' "$ktap_out" | awk '
		$1 ~ /^kind=/ { sub(".*=", "", $2); sub(".*=", "", $3); pages += $2; runs += $3 }
		END { print !pages ? "no page" : !runs ? "none" : runs < pages ? "some" : "all" }')"
}
[ $runs_planned -gt 0 ] || ktap_finish
runs anon none
runs mthp all
runs mthp-part some
runs thp-split all
case $page_size in
4096) run=hugetlb-64k huge_run=hugetlb-32m ;;
*) run=hugetlb-2m huge_run=hugetlb-1g ;;
esac
runs $run all
runs $huge_run all
ktap_finish
