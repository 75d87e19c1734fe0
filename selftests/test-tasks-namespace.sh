#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: the PIDs of /proc/memintro/tasks are those of the PID namespace of
# the procfs mount through which the file is opened, whoever reads it; a task
# that this namespace does not contain has no row. UIDs are those of the
# opener's user namespace.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

ktap_plan 8
mkdir "$tmp/outer"
mount -t proc proc "$tmp/outer" || exit 1
at_exit "umount $tmp/outer"
start outside "$bin/spawn" 50 || exit 1

# The first process of a new namespace says which PID it has outside.
start inside unshare --pid --fork --mount-proc "$bin/spawn" 30 --zombies 2 || exit 1
init=$(pgrep -P "$(pid_of inside)") # unshare's child
inner=/proc/$init/root/proc

ktap_run "through the namespace's own mount" \
	"$bin/compare-tasks" --proc "$inner" --at-least 33
ktap_equal "it lists no process from outside" "33" \
	"$(awk 'NR > 1' "$inner/memintro/tasks" | wc -l)"
ktap_equal "its first process is 1, of parent 0" "1 0 spawn" \
	"$(awk 'NR == 2 { print $1, $2, $6 }' "$inner/memintro/tasks")"
ktap_run "through another mount of the outer namespace" \
	"$bin/compare-tasks" --proc "$tmp/outer" --at-least 83

# The reader's own namespace does not matter.
ktap_run "a reader inside, through the inner mount" \
	nsenter -t "$init" -p -m "$bin/compare-tasks" --at-least 33
ktap_run "a reader inside, through the outer mount" \
	nsenter -t "$init" -p -m "$bin/compare-tasks" --proc "$tmp/outer" --at-least 83

if unshare --user --map-root-user true 2>/dev/null; then
	ktap_run "a reader in a user namespace sees its UIDs" \
		unshare --user --map-root-user "$bin/compare-tasks" --at-least 83
	unshare --user --map-root-user cat /proc/memintro/tasks >"$tmp/mapped"
	ktap_equal "foreign users are the overflow user there" "0 65534" \
		"$(awk 'NR > 1 { print $3 }' "$tmp/mapped" | sort -un | paste -sd ' ' -)"
else
	ktap_skip "a reader in a user namespace sees its UIDs" "no user namespaces"
	ktap_skip "foreign users are the overflow user there" "no user namespaces"
fi
ktap_finish
