#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a mapping costs what its page tables cost, whatever its size: a
# question about a terabyte that nothing is behind takes not much longer than
# one about 64 KiB, in vmas and in extents.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan 4
start small "$bin/lazy" 64K || exit 1
start large "$bin/lazy" 1024G || exit 1

# What 1,000 answers about a process's mapping take, in hundredths of a second;
# the last answer is left in $tmp/answers.
cost() { # FILE NAME
	start=$(word_of "$2" lazy 3)
	end=$(printf '0x%x' $((start + $(word_of "$2" lazy 4))))
	awk -v question="$(pid_of "$2") $start-$end totals" \
		'BEGIN { for (i = 0; i < 1000; i++) print question }' >"$tmp/questions"
	cost_begin=$(now)
	{ cat "$tmp/questions" >&3 && cat <&3 >"$tmp/answers"; } 3<>"/proc/memintro/$1"
	echo $(($(now) - cost_begin))
}

for file in vmas extents; do
	small=$(cost "$file" small)
	large=$(cost "$file" large)
	ktap_diag "$file: 1,000 answers about 64 KiB: $small, about a terabyte: $large (0.01 s)"
	# A terabyte is two tables of 512 entries at the level of 1 GiB, where
	# such tables are. Page by page, one answer would take seconds.
	ktap_run "$file of a terabyte costs no more than its tables" \
		[ "$large" -le $((10 * small + 200)) ]
	if [ "$file" = vmas ]; then
		ktap_equal "vmas: the answers" "1000 size_kb=1073741824 empty_kb=1073741824" \
			"$(grep -c . "$tmp/answers") size_kb=$(tail -n 1 "$tmp/answers" | key size_kb) empty_kb=$(tail -n 1 "$tmp/answers" | key empty_kb)"
	else
		ktap_equal "extents: the answers" "1000 rows=0 hole_kb=1073741824" \
			"$(grep -c . "$tmp/answers") rows=$(tail -n 1 "$tmp/answers" | key rows) hole_kb=$(tail -n 1 "$tmp/answers" | key hole_kb)"
	fi
done
ktap_finish
