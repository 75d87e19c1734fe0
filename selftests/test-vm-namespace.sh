#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: /proc/memintro/vm shows the processes and PIDs of the PID namespace of the
# procfs mount through which it is opened.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

ktap_plan 3
start outside "$bin/spawn" 5 || exit 1
start inside unshare --pid --fork --mount-proc "$bin/spawn" 20 || exit 1
inner=/proc/$(pgrep -P "$(pid_of inside)")/root/proc

ktap_run "through the namespace's own mount" "$bin/compare-vm" --proc "$inner" --at-least 21
ktap_equal "it lists no process from outside" 21 \
	"$(awk 'NR > 1' "$inner/memintro/vm" | wc -l)"
ktap_run "through the outer mount" "$bin/compare-vm" --at-least 26
ktap_finish
