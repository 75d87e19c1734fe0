#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: lockdown in confidentiality mode refuses every file that shows an
# address, at open and at each read and write, also through descriptors that
# were open before; tables without addresses go on.
#
# Lockdown cannot be lowered, and refuses modules without a signature: only for
# the test guest, and by its name the last test there.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

lockdown=/sys/kernel/security/lockdown
is_guest || ktap_skip_all "would lock down a machine that is not the test guest"
[ -w "$lockdown" ] || ktap_skip_all "no $lockdown"

opens() { # NAME
	case $1 in
	walk | vmas | extents | rmap) "$bin/raw-question" open "/proc/memintro/$1" --rdwr ;;
	*) "$bin/raw-question" open "/proc/memintro/$1" ;;
	esac
}

# All that show addresses, as far as this module has them.
files=
for name in kstack kmem walk vmas extents rmap; do
	[ ! -e "/proc/memintro/$name" ] || files="$files $name"
done

# shellcheck disable=SC2086 # one word per file
set -- $files
ktap_plan $((11 + 2 * $#))
for name; do
	ktap_equal "$name: opens before" ok "$(opens "$name")"
done

# shellcheck disable=SC2094 # they are one file on purpose
exec 3</proc/memintro/kstack 4</proc/memintro/kstack 5<"$walk" 6>"$walk" 7</proc/memintro/tasks
read -r header <&4
ktap_equal "kstack is read before" TID "${header%% *}"
ktap_equal "the walk answers before" "ok no-vma" \
	"$(put "$$ 0x1000\n" | cut -d ' ' -f 1) $(get)"
echo confidentiality >"$lockdown"
ktap_run "lockdown is on" grep -q '\[confidentiality\]' "$lockdown"

for name; do
	ktap_equal "$name: refused at open" EPERM "$(opens "$name")"
done
ktap_equal "kstack, opened before" EPERM "$("$bin/raw-question" read fd:3)"
ktap_equal "kstack, opened and read in part before" EPERM "$("$bin/raw-question" read fd:4)"
ktap_equal "reading the walk, opened before" EPERM "$("$bin/raw-question" read fd:5)"
ktap_equal "writing the walk, opened before" EPERM \
	"$("$bin/raw-question" write fd:6 "$$ 0x1000\n")"
ktap_equal "the walk, opened now" "EPERM EPERM" "$(put "$$ 0x1000\n") $(get)"
ktap_equal "tasks, opened before, can be read" PID "$("$bin/raw-question" read fd:7 --size 3)"
ktap_run "tasks go on" "$bin/compare-tasks"
ktap_run "heapmax goes on" "$bin/compare-heapmax"
exec 3<&- 4<&- 5<&- 6>&- 7<&-
ktap_finish
