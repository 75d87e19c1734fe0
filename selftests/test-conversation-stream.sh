#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 3 s
#
# Property: a conversation is a stream: answers come in order, reads of any size
# continue where the last one stopped, a reader that fails or is killed loses nothing,
# and only one task reads at a time.
#
# Property: a conversation accepts 64 KiB of questions and no more, whole lines only,
# and returns how much it accepted; a write that fails changes nothing, and a line that
# is too long gets one answer.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan 66

# The stream.
walk=$proc/walk pid=$$
one="$(no_vma $pid 0x1000)\n"
two="$(no_vma $pid 0x2000)\n"
q1="$pid 0x1000" q2="$pid 0x2000"
took=$((${#q1} + 1))


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

# The queue.
# 16 bytes with the newline: 4096 of them are 64 KiB.
question="$(printf '%08d' $pid) 0x1000"
next="$pid 0x2000"
two="$(no_vma $pid 0x2000)\n"
took=$((${#next} + 1))
too_long="$(bad too-long)\n"

ktap_equal "64 KiB of questions in one write are answered" "ok 65536 | 4096 | end" \
	"$(converse "$walk" "fill=65536,$question" lines read=10)"
ktap_equal "of 128 KiB it takes as many as fit" "ok 65536 | 4096" \
	"$(converse "$walk" "fill=131072,$question" lines)"
# 15 bytes with the newline do not divide 64 KiB.
odd="$(printf '%07d' $pid) 0x1000"
ktap_equal "of a write that is too long it takes whole lines" "ok 65535 | 4369" \
	"$(converse "$walk" "fill=98304,$odd" lines)"
ktap_equal "when full, ENOSPC; the same question, once there is room for it, is taken" \
	"ok 65536 | ENOSPC | $one | ok $took | 4096 | end" \
	"$(converse "$walk" "fill=65536,$question" "write=$next\n" "read=$((${#one} - 1))" "write=$next\n" lines read=10)"
ktap_equal "the refused question is not answered, and the next one is" \
	"ok 65536 | ENOSPC | 4096 | ok $took | $two | end" \
	"$(converse "$walk" "fill=65536,$question" "write=$next\n" lines "write=$next\n" read=4096 read=10)"
ktap_equal "when full, not even an empty line, nor the beginning of one" "ok 65536 | ENOSPC | ENOSPC | 4096" \
	"$(converse "$walk" "fill=65536,$question" 'write=\n' "write=$pid" lines)"
got=$("$bin/converse" "$walk" "fill=65520,$question" "write=$pid" "write= 0x2000\n" 'write=\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n' lines |
	paste -sd '|' -)
ktap_equal "a line that was begun can be finished" \
	"ok 65520|ok ${#pid}|ok 8|ok $((16 - took))|$((4095 + 1 + 16 - took))" "$got"
# Begun with the last byte there is, and finished to its full length.
blank=$(printf '%200s' '')
got=$("$bin/converse" "$walk" "fill=65520,$question" 'write=\n\n\n\n\n\n\n\n\n\n\n\n\n\n' "write=$(printf %.1s "$pid")" \
	"write=${pid#?}$blank 0x2000\n" "write=$next\n" lines | paste -sd '|' -)
ktap_equal "also one begun with the last byte" \
	"ok 65520|ok 14|ok 1|ok $((${#pid} - 1 + 208))|ENOSPC|$((4095 + 14 + 1))" "$got"

ktap_equal "a write from memory that is not there leaves nothing" "EFAULT | ok $took | $two | end" \
	"$(converse "$walk" write-fault=40 "write=$next\n" read=4096 read=10)"
ktap_equal "so does one from memory that ends" "EFAULT | ok $took | $two | end" \
	"$(converse "$walk" "write-half=$pid 0x1000\n$pid 0x3000\n$pid" "write=$next\n" read=4096 read=10)"
ktap_equal "also in the middle of a line" "ok ${#pid} | EFAULT | EFAULT | ok 8 | $two | end" \
	"$(converse "$walk" "write=$pid" 'write-half=9\n' write-fault=1 'write= 0x2000\n' read=4096 read=10)"

ktap_equal "256 bytes are a question" "ok 257 | $two | end" \
	"$(converse "$walk" "write=$(printf '%-256s' "$next")\n" read=4096 read=10)"
ktap_equal "257 bytes are one bad question, and the next is answered" \
	"ok $((258 + took)) | $too_long$two | end" \
	"$(converse "$walk" "write=$(printf '%-257s' "$next")\n$next\n" read=4096 read=10)"
ktap_equal "5000 bytes" "ok 5000 | ok $((1 + took)) | $too_long$two | end" \
	"$(converse "$walk" long=5000 "write=\n$next\n" read=4096 read=10)"
ktap_equal "100,000 bytes in two writes" "ok 65536 | ok 34464 | ok $((1 + took)) | $too_long$two | end" \
	"$(converse "$walk" long=100000 long=34464 "write=\n$next\n" read=4096 read=10)"
# shellcheck disable=SC2046 # one word per step
got=$("$bin/converse" "$walk" $(yes long=1024 | head -n 100) "write=\n$next\n" read=4096 read=10 | uniq -c |
	awk '{ n = $1; $1 = ""; print n $0 }' | paste -sd '|' -)
ktap_equal "100 KiB of one line, a KiB at a time" "100 ok 1024|1 ok $((1 + took))|1 $too_long$two|1 end" \
	"$got"
ktap_equal "when no long line fits, not a part of one is taken" "ok 65280 | ENOSPC | ok 1 | 4081 | ok $took | $two" \
	"$(converse "$walk" "fill=65280,$question" long=5000 'write=\n' lines "write=$next\n" read=4096)"
ktap_equal "when one does, all of it" "ok 65264 | ok 5000 | ok 1 | 4080 | ok $took | $two" \
	"$(converse "$walk" "fill=65264,$question" long=5000 'write=\n' lines "write=$next\n" read=4096)"

exec 3<>"$walk" 4<>"$walk"
ktap_equal "two conversations have two queues" "ok 65536, ok 65536 | ENOSPC, ENOSPC, 4096" \
	"$(converse fd:3 "fill=65536,$question"), $(converse fd:4 "fill=65536,$question" "write=$next\n"), $(
		converse fd:3 "write=$next\n"), $(converse fd:3 lines)"
exec 3<&- 4<&-
ktap_finish
