#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 6 s
# timeout: 1000
#
# Property: an open conversation, before, after or in the middle of an answer, pins
# nothing of the process that it was asked about: when that is killed, its memory is
# free and its file system can be unmounted at once, and the answer ends with ESRCH.
#
# Property: an answer is about one process. If that exits in the middle and another
# process gets its PID, the answer ends and shows nothing of the other; a new question
# about that PID is answered for the new process.
#
# Property: a reader never frees the memory of a process that was killed while it was
# read: that takes long and cannot be interrupted by a signal.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

# The memory of a process that has ended.
size=${SIZE_MIB:-500}
# Or each processor keeps back up to an eighth of all memory of what was freed.
set_until_end /proc/sys/vm/percpu_pagelist_high_fraction 100000
available() {
	awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo
}
[ "$(available)" -gt $((size + 200)) ] || ktap_skip_all "no $size MiB of memory"
[ -e /proc/sys/kernel/ns_last_pid ] || ktap_skip_all "no ns_last_pid to choose a number by"

ktap_plan 24
log_mark

mkdir "$tmp/disk"
mount -t tmpfs tmpfs "$tmp/disk" || exit 1
at_exit "umount $tmp/disk 2>/dev/null"
head -c 65536 /dev/zero >"$tmp/disk/file"

# Long answers: many mappings, each with its own rows.
pieces=4000
target() {
	start hog "$bin/hog" --size "$size" --pieces $pieces --map "$tmp/disk/file" || exit 1
	pid=$(pid_of hog)
	# The conversations: 3 and 4 in the middle of an answer, 5 with one not
	# begun, 6 with one given.
	exec 3<>"$proc/vmas" 4<>"$proc/extents" 5<>"$proc/vmas" 6<>"$proc/walk" 7<>"$proc/rmap"
	echo "$pid" >&3
	echo "$pid" >&4
	echo "$pid" >&5
	echo "$pid 0x3000000000" >&6
	"$bin/raw-question" read fd:3 --size 16000 >"$tmp/vmas"
	"$bin/raw-question" read fd:4 --size 16000 >"$tmp/extents"
	read -r walked <&6
	echo "$pid 0x3000000000" >&6
	pa=${walked#* pa=}
	echo "${pa%% *}" >&7
	"$bin/raw-question" read fd:7 --size 10 >"$tmp/rmap"
}
# The process is waited for here, so that it is gone, and not a zombie.
kill_target() {
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
}

free=$(available)
target
with=$(available)
ktap_run "the target has its memory" [ $((free - with)) -ge $((size * 9 / 10)) ]
ktap_run "an answer about it has begun" grep -q '^START' "$tmp/vmas"
ktap_equal "and is not complete" "0 0" "$(grep -c '^# end' "$tmp/vmas") $(grep -c '^# end' "$tmp/extents")"
kill_target
after=$(available)
ktap_diag "MiB available: $free before, $with with the target, $after when it is killed"
ktap_run "its memory is free at once" [ $((free - after)) -le $((size / 10)) ]
ktap_run "it is gone" [ ! -e "/proc/$pid" ]
ktap_run "its file system is not busy" umount "$tmp/disk"
gone="error=ESRCH why=no-"

ended() { # NAME FD ROWS_AT_MOST
	cat <&"$2" >"$tmp/rest"
	ktap_diag "$1: $(wc -l <"$tmp/rest") lines more, the last one: $(tail -n 1 "$tmp/rest")"
	case $(tail -n 1 "$tmp/rest") in
	"# end pid=$pid "*"$gone"*) ;;
	*) return 1 ;;
	esac
	[ "$(grep -c '^# end' "$tmp/rest")" -eq 1 ] && [ "$(wc -l <"$tmp/rest")" -le "$3" ]
}
# What was ready when it died, 16 KiB at most, and the last line.
ended vmas 3 400
ktap_run "vmas, in the middle: the answer ends with ESRCH" [ $? -eq 0 ]
ended extents 4 400
ktap_run "extents, in the middle: the answer ends with ESRCH" [ $? -eq 0 ]
ended vmas 5 1
ktap_run "vmas, not begun: the answer is ESRCH" [ $? -eq 0 ]
read -r answer <&6
ktap_equal "walk: the answer is ESRCH" "pid=$pid va=0x3000000000 pa=none ${gone}process" "$answer"
cat <&7 >"$tmp/rest"
ktap_equal "rmap: the answer ends" 1 "$(grep -c '^# end pa=' "$tmp/rest")"
# A conversation continues after that.
for fd in 3 4 5; do
	echo "$$ totals" >&"$fd"
done
ktap_equal "they answer the next question" "3" \
	"$( (cat <&3; cat <&4; cat <&5) | grep -c "^# end pid=$$ ")"
exec 3<&- 4<&- 5<&- 6<&- 7<&-
stop hog
final=$(available)
ktap_run "closing them frees nothing of the target's" [ $((final - after)) -le $((size / 10)) ]

# Its PID.
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

tracing=/sys/kernel/tracing
trace=$tracing/instances/memintro-exit
if [ -e $tracing/kprobe_events ]; then
	at_exit "rmdir $trace; echo -:memintro/exit >>$tracing/kprobe_events"
	echo 'p:memintro/exit exit_mmap' >>$tracing/kprobe_events
	mkdir $trace
	echo 1 >$trace/events/memintro/exit/enable
	ktap_run "the memory is given up by somebody else" "$bin/last-user" $trace/trace
	ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
	echo 0 >$trace/events/memintro/exit/enable
else
	ktap_skip "the memory is given up by somebody else" "no kprobe events"
fi
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
