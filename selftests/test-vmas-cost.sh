#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a mapping costs what its page tables cost, whatever its size: questions
# about 64 TiB of untouched mappings are answered, in vmas and in extents. (Page by
# page, or table by table, a thousand of them would take hours.)

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan 4
tib=64
start large "$bin/lazy" $((tib * 1024))G || exit 1
from=$(word_of large lazy 3)
to=$(printf '0x%x' $((from + $(word_of large lazy 4))))
awk -v question="$(pid_of large) $from-$to totals" \
	'BEGIN { for (i = 0; i < 1000; i++) print question }' >"$tmp/questions"
kb=$((tib << 30))

# Two results: 1,000 answers come before a time that only a dead machine needs; what
# they say.
cost() { # FILE KEY...
	file=$1
	shift
	# shellcheck disable=SC2016 # the inner shell expands them
	ktap_run "$file of $tib TiB costs no more than its tables" timeout 120 \
		sh -c '{ cat "$1" >&3 && cat <&3; } 3<>"$2" >"$3"' sh "$tmp/questions" "/proc/memintro/$file" "$tmp/answers"
	last=$(tail -n 1 "$tmp/answers")
	said=
	for name; do
		said="$said $name=$(printf '%s\n' "$last" | key "$name")"
	done
	case $file in
	vmas) expected="1000 size_kb=$kb empty_kb=$kb" ;;
	*) expected="1000 rows=0 hole_kb=$kb" ;;
	esac
	ktap_equal "$file: the answers" "$expected" "$(grep -c . "$tmp/answers")$said"
}
cost vmas size_kb empty_kb
cost extents rows hole_kb
ktap_finish
