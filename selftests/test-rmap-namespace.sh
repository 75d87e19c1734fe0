#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: rmap lists the mappings in processes of the PID namespace of the procfs
# mount, by their PIDs there, and counts all others in `outside=`.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
cd "$tmp" || exit 1

ktap_plan 6
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
ktap_finish
