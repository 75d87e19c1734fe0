#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: an answer is about one process. If that exits in the middle and another
# process gets its PID, the answer ends and shows nothing of the other; a new question
# about that PID is answered for the new process.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

[ -e /proc/sys/kernel/ns_last_pid ] || ktap_skip_all "no ns_last_pid to choose a number by"
pieces=2000
# Two processes with memory at other addresses; the second must get the first
# one's number.
cat >"$tmp/inside" <<'INSIDE'
bin=$1 tmp=$2 pieces=$3
mkfifo "$tmp/one" "$tmp/two" "$tmp/hold"
sleep 1000 >"$tmp/one" &
holder1=$!
sleep 1000 >"$tmp/two" &
holder2=$!
wait_ready() {
	until grep -q ready "$1"; do sleep 0.05; done
}
number=300
echo $((number - 1)) >/proc/sys/kernel/ns_last_pid
"$bin/hog" --pieces "$pieces" --at 0x3000000000 <"$tmp/one" >"$tmp/one.out" &
first=$!
wait_ready "$tmp/one.out"
exec 3<>/proc/memintro/vmas 4<>/proc/memintro/extents 5<>/proc/memintro/vmas 6<>/proc/memintro/walk
echo $first >&3
echo $first >&4
echo $first >&5
echo "$first 0x3000000000" >&6
"$bin/raw-question" read fd:3 --size 2000 >"$tmp/vmas"
"$bin/raw-question" read fd:4 --size 2000 >"$tmp/extents"
read -r answer <&6
echo "$answer" >"$tmp/walk"
kill -9 $first
wait $first 2>/dev/null
echo $((number - 1)) >/proc/sys/kernel/ns_last_pid
"$bin/hog" --pieces "$pieces" --at 0x5000000000 <"$tmp/two" >"$tmp/two.out" &
second=$!
wait_ready "$tmp/two.out"
echo "$first $second" >"$tmp/numbers"
cat <&3 >>"$tmp/vmas"
cat <&4 >>"$tmp/extents"
cat <&5 >"$tmp/vmas.new"
echo "$first 0x3000000000" >&6
echo "$first 0x5000000000" >&6
cat <&6 >>"$tmp/walk"
echo $first >&4
cat <&4 >"$tmp/extents.new"
kill -9 $second $holder1 $holder2
INSIDE

ktap_plan 9
unshare --pid --fork --mount-proc sh "$tmp/inside" "$bin" "$tmp" $pieces 2>"$tmp/err"
ktap_diag <"$tmp/err"
ktap_equal "the second process got the first one's number" "300 300" "$(cat "$tmp/numbers")"
for name in vmas extents; do
	ktap_run "$name: the answer began with the first one's memory" grep -q '^0x3000[0-9a-f]\{6\} ' "$tmp/$name"
	ktap_equal "$name: it has nothing of the second's" 0 "$(grep -c '^0x5000[0-9a-f]\{6\} ' "$tmp/$name")"
	ktap_equal "$name: it ends with ESRCH" "1 # end pid=300 error=ESRCH" \
		"$(grep -c '^# end' "$tmp/$name") $(tail -n 1 "$tmp/$name" | sed 's/ start=[^ ]* end=[^ ]*//; s/ why=.*//; s/ rows=.*error/ error/')"
done
# Asked before the first one ended, begun after that.
ktap_equal "an answer that begins later is about the second" "0 $pieces" \
	"$(grep -c '^0x3000[0-9a-f]\{6\} ' "$tmp/vmas.new") $(grep -c '^0x5000[0-9a-f]\{6\} ' "$tmp/vmas.new")"
ktap_equal "walk: each answer is about who has the number then" "0x,none,0x" \
	"$(sed 's/.* pa=//; s/^0x.*/0x/; s/ .*//' "$tmp/walk" | paste -sd , -)"
ktap_finish
