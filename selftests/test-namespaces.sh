#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 3 s
#
# Property: the PIDs of /proc/memintro/tasks are those of the PID namespace of
# the procfs mount through which the file is opened, whoever reads it; a task
# that this namespace does not contain has no row. UIDs are those of the
# opener's user namespace.
#
# Property: /proc/memintro/vm shows the processes and PIDs of the PID namespace of the
# procfs mount through which it is opened.
#
# Property: rmap lists the mappings in processes of the PID namespace of the procfs
# mount, by their PIDs there, and counts all others in `outside=`.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan 17

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
stop outside
stop inside

start outside "$bin/spawn" 5 || exit 1
start inside unshare --pid --fork --mount-proc "$bin/spawn" 20 || exit 1
inner=/proc/$(pgrep -P "$(pid_of inside)")/root/proc

ktap_run "vm: through the namespace's own mount" "$bin/compare-vm" --proc "$inner" --at-least 21
ktap_equal "vm: it lists no process from outside" 21 \
	"$(awk 'NR > 1' "$inner/memintro/vm" | wc -l)"
ktap_run "vm: through the outer mount" "$bin/compare-vm" --at-least 26
stop outside
stop inside

cd "$tmp" || exit 1
start outside "$bin/shared" || exit 1
start inside unshare --pid --fork --mount-proc "$bin/shared" || exit 1
init=$(pgrep -P "$(pid_of inside)")
inner=/proc/$init/root/proc

# A file page of the program is mapped inside and outside; shared memory only
# on its own side.
text=0x$(awk '$2 == "r-xp" { sub(/-.*/, "", $1); print $1; exit }' "/proc/$init/maps")
ktap_run "a page of the program" "$bin/compare-rmap" --inner "$inner" "$init" "$text"
ktap_diag "$ktap_out"
echo "$ktap_out" >"$tmp/text"
ktap_run "mapped inside and outside" \
	grep -qE 'mappings=[1-9].* outside=[1-9]' "$tmp/text"
ktap_run "random pages" "$bin/compare-rmap" --inner "$inner" --samples "${SAMPLES:-15}"
ktap_diag "$ktap_out"

ask_inner() { # PA
	{ echo "$1" >&3 && cat <&3; } 3<>"$inner/memintro/rmap"
}
pa_of() { # PID VA
	echo "$2" | "$bin/pagemap" "$1" | cut -d ' ' -f 2
}
va=$(word_of inside shmem 3)
pa=$(pa_of "$init" "$va")
ktap_equal "a page of three processes inside" "PID VA PAGE PERM COMM
1 $va 4K rw-u shared
2 $va 4K r--u shared
3 $va 4K r--u shared
# end pa=$pa rows=3 outside=0 busy=0" "$(ask_inner "$pa" | sed 's/^\([23] .*\) rw-u/\1 r--u/')"
pa=$(pa_of "$(pid_of outside)" "$(word_of outside shmem 3)")
ktap_equal "a page of three processes outside" "PID VA PAGE PERM COMM
# end pa=$pa rows=0 outside=3 busy=0" "$(ask_inner "$pa")"
ktap_equal "through the outer mount nothing is outside" "3 0" \
	"$(ask rmap "$pa" | sed -n 's/.* rows=\(.*\) outside=\([0-9]*\).*/\1 \2/p')"
stop outside
stop inside
ktap_finish
