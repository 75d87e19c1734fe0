#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 3 s
#
# Property: memory that a program allocates exists only when it is touched, page by
# page, and vm, vmas and walk all show it: nothing, then the zero page after a read, a
# page of its own after a write, and nothing again after it is freed.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

pages=${PAGES:-1000}
size=$((4 * pages))
ktap_plan 34
start lazy "$bin/lazy" "${size}K" || exit 1
pid=$(pid_of lazy)
va=$(word_of lazy lazy 3)
va_of() { # PAGE
	printf '0x%x' $((va + 4096 * $1))
}

tell() { # COMMAND
	echo "$1" >"$tmp/lazy.in"
	until [ "$(tail -n 1 "$tmp/lazy.out")" = "$1" ]; do
		sleep 0.02
	done
}
rss() {
	awk -v pid="$pid" '$1 == pid { print $3 }' /proc/memintro/vm
}
before=$(rss)

# Five results: what the files say now.
state() { # NAME PRESENT_PAGES ZERO_PAGES
	ktap_equal "$1: RSS has grown by $2 pages" $((4 * $2)) $(($(rss) - before))
	ktap_equal "$1: ps says the same" "$(ps -o rss= -p "$pid" | tr -d ' ')" "$(rss)"
	row=$(ask vmas "$pid $va")
	ktap_equal "$1: SIZE, PRESENT, ZERO, EMPTY" \
		"$size $((4 * $2)) $((4 * $3)) $((size - 4 * $2 - 4 * $3))" \
		"$(for c in SIZE_KB PRESENT_KB ZERO_KB EMPTY_KB; do printf '%s\n' "$row" | column $c; done | paste -sd ' ' -)"
	extents=$(ask extents "$pid $va-$(va_of "$pages") totals")
	ktap_equal "$1: extents: pages, zero pages, hole" \
		"$((4 * $2)) $((4 * $3)) $((size - 4 * $2 - 4 * $3))" \
		"$(for k in kb zero_kb hole_kb; do printf '%s\n' "$extents" | key $k; done | paste -sd ' ' -)"
}

# One result: what walk says of a page, in a word.
walk() { # NAME PAGE EXPECTED
	line=$(ask walk "$pid $(va_of "$2")")
	pa=$(printf '%s\n' "$line" | key pa)
	flags=,$(printf '%s\n' "$line" | key flags),
	case $pa,$flags in
	none,*) word=$(printf '%s\n' "$line" | key why) ;;
	*,zero,*) word=zero ;;
	*) word=$(printf '%s\n' "$line" | key perm) ;;
	esac
	pagemap=$(va_of "$2" | "$bin/pagemap" "$pid" | cut -d ' ' -f 2)
	ktap_equal "$1: page $2 is $3, as pagemap says" "$3 $pagemap" "$word $pa"
}

state "untouched" 0 0
walk "untouched" 0 not-populated
walk "untouched" $((pages - 1)) not-populated

read=$((pages * 3 / 5)) wrote=$((pages / 4)) freed=$((pages / 10))
tell "read $read"
state "read" 0 $read
walk "read" 0 zero
walk "read" $((read - 1)) zero
walk "read" $read not-populated

tell "write $wrote"
state "written" $wrote $((read - wrote))
walk "written" 0 rw-u
walk "written" $((wrote - 1)) rw-u
walk "written" $wrote zero

tell "free $freed"
state "freed" $((wrote - freed)) $((read - wrote))
walk "freed" 0 not-populated
walk "freed" $freed rw-u

tell "free $pages"
state "all freed" 0 0
walk "all freed" $freed not-populated
stop lazy

# The demonstration shows the same, and says so to its reader.
"$here/lazy-demo" >"$tmp/demo" 2>&1
ktap_equal "the demonstration: walk's answers" "not-populated zero rw-u not-populated" \
	"$(awk '/^pid=.* why=/ { sub(/.*why=/, ""); sub(/ .*/, ""); print }
		/^pid=.*zero/ { print "zero" } /^pid=.* perm=rw-u/ { print "rw-u" }' "$tmp/demo" | paste -sd ' ' -)"
ktap_equal "the demonstration: empty, in KiB" "65536 61536 61536 61936" \
	"$(sed -n 's/^# end .*empty_kb=//p' "$tmp/demo" | paste -sd ' ' -)"
ktap_equal "the demonstration: RSS" "0 0 400 0" \
	"$(awk '$12 == "lazy" { if (!n++) first = $3; print $3 - first }' "$tmp/demo" | paste -sd ' ' -)"
ktap_finish
