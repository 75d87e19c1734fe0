#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 3 s
#
# Property: when lockdown is raised to confidentiality after loading, every file that
# shows an address refuses reads and writes through descriptors that were open before
# (idle, asked, or in the middle of an answer) and cannot be opened any more; tasks, vm
# and heapmax keep working.
#
# Lockdown cannot be lowered, and refuses modules without a signature: only for
# the test guest, and by its name the last test there.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

lockdown=/sys/kernel/security/lockdown
is_guest || ktap_skip_all "would lock down a machine that is not the test guest"
[ -e "$lockdown" ] || mount -t securityfs securityfs "${lockdown%/*}"
[ -w "$lockdown" ] || ktap_skip_all "no $lockdown"
grep -q '\[confidentiality\]' "$lockdown" && ktap_skip_all "it is raised already"

raw="$bin/raw-question"
tables="kstack kmem layout" harmless="tasks vm heapmax" conversations="walk vmas extents rmap page tables"
ktap_plan 62
start hog "$bin/hog" --pieces 4000 || exit 1
pid=$(pid_of hog)

# Before: each conversation at rest (3), asked (4), and a long answer begun (5).
# The descriptors of one name are held by a process of their own.
cat >"$tmp/hold" <<'HOLD'
exec 3<>"$1" 4<>"$1" 5<>"$1"
raw=$2 question=$3 tmp=$4 name=${1##*/}
echo "$question" >&4
echo "$question" >&5
"$raw" read fd:5 --size 10 >"$tmp/$name.before"
echo ready
read -r _
{
	echo "rest: $("$raw" write fd:3 "$question\n") $("$raw" read fd:3)"
	echo "asked: $("$raw" read fd:4) $("$raw" write fd:4 "$question\n")"
	echo "begun: $("$raw" read fd:5) $("$raw" write fd:5 "$question\n")"
} >"$tmp/$name.after"
HOLD
for name in $conversations; do
	case $name in
	walk) question="$pid 0x3000000000" ;;
	rmap | page) question=0x1000 ;;
	*) question=$pid ;;
	esac
	start "$name" sh "$tmp/hold" "$proc/$name" "$raw" "$question" "$tmp" || exit 1
	ktap_equal "$name: an answer began before" 10 "$(wc -c <"$tmp/$name.before")"
done
# shellcheck disable=SC2094 # they are one file on purpose
exec 3<"$proc/kstack" 4<"$proc/kstack" 5<"$proc/kmem" 6<"$proc/tasks" 7<"$proc/vm" 8<"$proc/heapmax" 9<"$walk"
read -r header <&4
ktap_equal "kstack: read in part before" TID "${header%% *}"
put "$$ 0x1000\n" >/dev/null
ktap_equal "sysfs walk: answers before" no-vma "$(get)"

# shellcheck disable=SC2016 # for its shell
start writer sh -c 'exec 3>"$1"; echo ready; read -r _; "$2" write fd:3 "1 0x1000\n"' sh "$walk" "$raw" || exit 1

echo confidentiality >"$lockdown"
ktap_run "lockdown is on" grep -q '\[confidentiality\]' "$lockdown"
for name in $conversations; do
	echo >"$tmp/$name.in" &
	wait $!
	stop "$name"
	for state in rest asked begun; do
		ktap_equal "$name: $state before: neither written nor read" "$state: EPERM EPERM" \
			"$(grep "^$state" "$tmp/$name.after")"
	done
	ktap_equal "$name: cannot be opened" EPERM "$("$raw" open "$proc/$name" --rdwr)"
	ktap_equal "$name: not by root of a user namespace either" EPERM \
		"$(unshare --user --map-root-user "$raw" open "$proc/$name" --rdwr)"
done
for name in $tables; do
	ktap_equal "$name: cannot be opened" EPERM "$("$raw" open "$proc/$name")"
done
ktap_equal "kstack: opened before" EPERM "$("$raw" read fd:3)"
ktap_equal "kstack: read in part before" EPERM "$("$raw" read fd:4)"
ktap_equal "kstack: read again from its start" EPERM "$("$raw" read fd:4 --at 0)"
ktap_equal "kmem: opened before" EPERM "$("$raw" read fd:5)"
ktap_equal "sysfs walk: opened before, read" EPERM "$("$raw" read fd:9)"
stop writer
ktap_equal "sysfs walk: opened before, written" EPERM "$(tail -n 1 "$tmp/writer.out")"
ktap_equal "sysfs walk: opened now" "EPERM EPERM" "$(put "$$ 0x1000\n") $(get)"
ktap_equal "sysfs walk: EINVAL or EPERM for what is no question" EPERM \
	"$(put 'x\n' | sed 's/EINVAL/EPERM/')"

ktap_equal "tasks: opened before" PID "$("$raw" read fd:6 --size 3)"
ktap_equal "vm: opened before" PID "$("$raw" read fd:7 --size 3)"
ktap_equal "heapmax: opened before" PID "$("$raw" read fd:8 --size 3)"
for name in $harmless; do
	ktap_equal "$name: opened now" PID "$("$raw" read "$proc/$name" --size 3)"
	ktap_run "$name: whole" [ "$(wc -l <"$proc/$name")" -ge 2 ]
done
ktap_run "tasks are right" "$bin/compare-tasks"
ktap_run "heapmax is right" heapmax_is_right
ktap_equal "the lockdown is the reason: the kernel logged it" yes \
	"$(dmesg | grep -q 'Lockdown: .*restricted' && echo yes)"
exec 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
ktap_finish
