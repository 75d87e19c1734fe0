#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: extents answers `PID` and `PID START-END`, each with or without totals. A
# range is rounded outward to pages, a huge page is cut at the ends of the range, and
# everything else is refused with one line that says why.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
prepare_memory

ktap_plan $((13 + refusals_planned))
header="START END SIZE_KB PA PAGE PERM FLAGS"
hex() { # NUMBER
	printf '0x%x' "$1"
}

# A huge page whose address is known from pagemap.
if start huge "$bin/subject" thp; then
	pid=$(pid_of huge)
	va=$(word_of huge thp 2)
	pa=$(echo "$va" | "$bin/pagemap" "$pid" | cut -d ' ' -f 2)

	# Pages 3 to 5 of it.
	from=$(hex $((va + 0x3000))) to=$(hex $((va + 0x6000)))
	ends="start=$from end=$to rows=1 runs=1 kb=12 hole_kb=0 zero_kb=0 largest_kb=12 kb_4k=0 kb_2m=12 kb_1g=0"
	expected="$header
$from $to 12 $(hex $((pa + 0x3000))) 2M rw-u -
# end pid=$pid $ends"
	ktap_equal "a huge page is cut at both ends" "$expected" "$(ask extents "$pid $from-$to")"
	ktap_equal "odd ends are rounded outward" "$expected" \
		"$(ask extents "$pid $(hex $((va + 0x3fff)))-$(hex $((va + 0x5001)))")"
	ktap_equal "totals come alone" "# end pid=$pid $ends" "$(ask extents "$pid $from-$to totals")"
	ktap_equal "the last byte of a page" "$(hex $((va + 0x3000))) $(hex $((va + 0x4000))) 4 $(hex $((pa + 0x3000))) 2M rw-u -" \
		"$(ask extents "$pid $(hex $((va + 0x3fff)))-$(hex $((va + 0x4000)))" | sed -n 2p)"
	ktap_equal "one byte" "$(hex $((va + 0x3000))) $(hex $((va + 0x4000))) 4 $(hex $((pa + 0x3000))) 2M rw-u -" \
		"$(ask extents "$pid $(hex $((va + 0x3800)))-$(hex $((va + 0x3801)))" | sed -n 2p)"
else
	for name in "cut at both ends" "odd ends" "totals" "the last byte of a page" "one byte"; do
		ktap_skip "$name" "$(cat "$tmp/huge.err")"
	done
fi
stop huge

# The first page of 16 was read, the next two written, the rest is untouched.
start lazy "$bin/lazy" 64K || exit 1
pid=$(pid_of lazy)
va=$(word_of lazy lazy 3)
end=$(hex $((va + 65536)))
range="$va-$end"
tail="hole_kb=64 zero_kb=0 largest_kb=0 kb_4k=0 kb_2m=0 kb_1g=0"
ktap_equal "nothing is there" "$header
# end pid=$pid start=$va end=$end rows=0 runs=0 kb=0 $tail" "$(ask extents "$pid $range")"
tell() { # COMMAND
	echo "$1" >"$tmp/lazy.in"
	until [ "$(tail -n 1 "$tmp/lazy.out")" = "$1" ]; do
		sleep 0.02
	done
}
tell "read 3"
zero=$(echo "$va" | "$bin/pagemap" "$pid" | cut -d ' ' -f 2)
row="$va $(hex $((va + 0x3000))) 12 $zero 4K r--u special,zero"
[ "$(uname -m)" = x86_64 ] || row=$(ask extents "$pid $range" | sed -n 2p)
ktap_equal "zero pages are one row, and no run" "$header
$row
# end pid=$pid start=$va end=$end rows=1 runs=0 kb=0 hole_kb=52 zero_kb=12 largest_kb=0 kb_4k=0 kb_2m=0 kb_1g=0" \
	"$(ask extents "$pid $range")"
tell "write 2"
answer=$(ask extents "$pid $range")
pages=$(printf '%s\n' "$va" "$(hex $((va + 0x1000)))" | "$bin/pagemap" "$pid" | cut -d ' ' -f 2)
ktap_equal "the first page is where pagemap says" "$(printf '%s\n' "$pages" | head -n 1)" \
	"$(printf '%s\n' "$answer" | column PA | head -n 1)"
ktap_equal "with pages, zero page and hole" "kb=8 hole_kb=52 zero_kb=4 kb_4k=8" \
	"$(printf '%s\n' "$answer" | tail -n 1 | tr ' ' '\n' | grep -E '^(kb|hole_kb|zero_kb|kb_4k)=' | paste -sd ' ' -)"
ktap_equal "a range without mappings is a hole" \
	"# end pid=$pid start=0x1000 end=0x3000 rows=0 runs=0 kb=0 hole_kb=8 zero_kb=0 largest_kb=0 kb_4k=0 kb_2m=0 kb_1g=0" \
	"$(ask extents "$pid 0x1000-0x3000 totals")"
ktap_equal "of a whole process, ends and holes do not apply" "pid=$pid start=- end=-" \
	"$(ask extents "$pid totals" | sed 's/^# end \(.*\) rows=.* hole_kb=- .*/\1/')"

refused extents "$pid $va" EINVAL not-a-question
refused extents "kernel" EINVAL not-a-question
refusals extents "$pid"
ktap_finish
