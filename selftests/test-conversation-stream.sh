#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a conversation is a stream: answers come in order, reads of any size
# continue where the last one stopped, a reader that fails or is killed loses nothing,
# and only one task reads at a time.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

walk=$proc/walk pid=$$
one="$(no_vma $pid 0x1000)\n"
two="$(no_vma $pid 0x2000)\n"
q1="$pid 0x1000" q2="$pid 0x2000"
took=$((${#q1} + 1))

ktap_plan 47

for name in walk vmas extents rmap page tables; do
	ktap_equal "$name: opened for writing only" EINVAL "$("$bin/raw-question" write "$proc/$name" x)"
	got=$(converse "$proc/$name" read=4096 read=4096)
	case $got in
	'# usage: '*'\n | end') ktap_ok "$name: read before any question, it says how to ask, once" ;;
	*) ktap_equal "$name: read before any question, it says how to ask, once" "# usage: ..." "$got" ;;
	esac
	ktap_equal "$name: cannot be sought" ESPIPE "$(converse "$proc/$name" seek)"
	ktap_equal "$name: has no offsets to read at" ESPIPE \
		"$("$bin/raw-question" read "$proc/$name" --at 5)"
	got=$(converse "$proc/$name" 'write=x\n' read=4096 read=4096)
	case $got in
	*usage*) ktap_not_ok "$name: no usage after a question" ;;
	*' | '*'error=EINVAL '*'\n | end') ktap_ok "$name: no usage after a question" ;;
	*) ktap_equal "$name: no usage after a question" "one answer with error=EINVAL" "$got" ;;
	esac
done

ktap_equal "a question, its answer, the end, and again" \
	"ok $took | $one | end | ok $took | $two | end" \
	"$(converse "$walk" "write=$q1\n" read=4096 read=4096 "write=$q2\n" read=4096 read=4096)"
ktap_equal "two questions in one write" "ok $((2 * took)) | $one$two | end" \
	"$(converse "$walk" "write=$q1\n$q2\n" read=4096 read=4096)"
ktap_equal "a question split over writes" "ok 1 | ok $((took - 2)) | ok 1 | $one | end" \
	"$(converse "$walk" "write=$(printf %.1s "$q1")" "write=${q1#?}" 'write=\n' read=4096 read=4096)"
# Read to the last byte, and no further: there the next one is unfinished.
ktap_equal "a line that is begun waits while the reader is served" \
	"ok ${#pid} | ok 10 | $one | ok $((took - 2)) | $two | end" \
	"$(converse "$walk" "write=$pid" "write= 0x1000\n$(printf %.2s "$q2")" \
		"read=$((${#one} - 1))" "write=${q2#??}\n" read=4096 read=4096)"
ktap_equal "an unfinished last line counts as finished when it is read" "ok ${#q1} | $one | end" \
	"$(converse "$walk" "write=$q1" read=4096 read=4096)"
ktap_equal "what is written then begins a question" "ok ${#q1} | $one | ok $took | $two | end" \
	"$(converse "$walk" "write=$q1" read=4096 "write=$q2\n" read=4096 read=4096)"
ktap_equal "a blank line has one answer" "ok 1 | $(bad not-a-question)\n | end" \
	"$(converse "$walk" 'write=\n' read=4096 read=4096)"
ktap_equal "so have blanks, between questions" \
	"ok $((2 * took + 3)) | $one$(bad not-a-question)\n$two | end" \
	"$(converse "$walk" "write=$q1\n  \n$q2\n" read=4096 read=4096)"
ktap_equal "a write of no bytes is nothing" "ok 0 | ok $took | $one | end" \
	"$(converse "$walk" 'write=' "write=$q1\n" read=4096 read=4096)"
ktap_equal "a read of no bytes loses nothing" "ok $took | end | $one | end" \
	"$(converse "$walk" "write=$q1\n" read=0 read=4096 read=4096)"
ktap_equal "a reader of one byte at a time" "ok $((2 * took)) | $one$two" \
	"$(converse "$walk" "write=$q1\n$q2\n" bytes)"
ktap_equal "a reader of 7 bytes, then the rest" "ok $took | $(printf %.7s "$one") | ${one#???????} | end" \
	"$(converse "$walk" "write=$q1\n" read=7 read=4096 read=4096)"
ktap_equal "a read into memory that is not there loses nothing" "ok $took | EFAULT | $one | end" \
	"$(converse "$walk" "write=$q1\n" read-fault=4096 read=4096 read=4096)"
ktap_equal "so does one into memory that ends" "ok $took | $(printf %.5s "$one") | ${one#?????} | end" \
	"$(converse "$walk" "write=$q1\n" read-half=5 read=4096 read=4096)"

# A killed reader takes with it what it has read, and nothing else.
exec 3<>"$walk"
n=1
while [ $n -le 3000 ]; do
	printf '%s 0x%x\n' $pid $((n * 4096))
	n=$((n + 1))
done >"$tmp/questions"
cat "$tmp/questions" >&3
# What it has read it writes to a pipe, which has no room for all of it: it cannot
# get to the end before it is killed.
mkfifo "$tmp/pipe"
sh -c 'while read -r line <&3; do echo "$line"; done' >"$tmp/pipe" &
reader=$!
exec 4<"$tmp/pipe"
read -r first <&4
kill -9 $reader
wait $reader 2>/dev/null
exec 4<&-
cat <&3 >"$tmp/rest"
exec 3<&-
sed 's/\(.*\) \(.*\)/pid=\1 va=\2 pa=none why=no-vma level=-/' "$tmp/questions" >"$tmp/all"
tail -n +2 "$tmp/rest" >"$tmp/whole"
ktap_equal "a reader that is killed in the middle: it was in the middle" \
	"$(head -n 1 "$tmp/all"), more than 1000" \
	"$first, $([ "$(wc -l <"$tmp/whole")" -gt 1000 ] && echo more) than 1000"
ktap_run "and the next one gets the rest, to the last byte" \
	sh -c "tail -n $(wc -l <"$tmp/whole") $tmp/all | cmp - $tmp/whole"

got=$("$bin/converse" "$walk" "fill=65536,$q1" two-readers | tail -n 1)
ktap_equal "two readers at a time: one is refused, no line is lost" \
	"EBUSY $((65536 / took))" "$got"
ktap_finish
