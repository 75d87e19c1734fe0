#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a conversation accepts 64 KiB of questions and no more, whole lines only,
# and returns how much it accepted; a write that fails changes nothing, and a line that
# is too long gets one answer.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

walk=$proc/walk pid=$$
# 16 bytes with the newline: 4096 of them are 64 KiB.
question="$(printf '%08d' $pid) 0x1000"
one="$(no_vma $pid 0x1000)\n"
next="$pid 0x2000"
two="$(no_vma $pid 0x2000)\n"
took=$((${#next} + 1))
too_long="$(bad too-long)\n"

ktap_plan 19
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
