#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: the tables of every idle process, and those that its huge pages have in
# reserve, are VmPTE of /proc/PID/status; the tables of each level are as many as the
# entries above that lead to them; and one more touched page takes the tables and entries
# that it needs.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
prepare_memory

ktap_plan 11
start all "$bin/subject" || exit 1
start hog "$bin/hog" --pieces 4000 || exit 1
start family "$bin/spawn" 10 || exit 1

vm_pte() { # FILE
	vm_pte=
	while read -r key value _; do
		[ "$key" != VmPTE: ] || vm_pte=$value
	done 2>/dev/null <"$1"
}

# Each process that has memory: what the file says, and VmPTE before and after.
processes=0
for status in /proc/[0-9]*/status; do
	pid=${status#/proc/}
	pid=${pid%/status}
	[ "$pid" != $$ ] || continue
	vm_pte "$status"
	before=$vm_pte
	[ -n "$before" ] || continue
	ask tables "$pid" >"$tmp/tables" 2>/dev/null
	vm_pte "$status"
	[ "$before" = "$vm_pte" ] || continue
	processes=$((processes + 1))
	# The entries of a level that lead to a table are among those that are used.
	awk -v pid="$pid" -v status="$vm_pte" '
		NR > 1 && !/^#/ {
			if (n++ && $2 > used) print pid ": " $1 " has more tables than entries above"
			if ($4 > $3 || $4 < 1) print pid ": " $1 " " $4 " used of " $3
			used = $4
		}
		/^# end / {
			for (i = 1; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
			kb = value["kb"] + value["deposited_kb"]
		}
		END { if (!n || kb != status) print pid ": " kb + 0 ", not " status }' "$tmp/tables"
done >"$tmp/wrong"
ktap_equal "every process has VmPTE" "" "$(cat "$tmp/wrong")"
ktap_run "there are enough of them" [ "$processes" -ge 12 ]
ktap_diag "$processes processes"

pid=$(pid_of all)
ask tables "$pid" >"$tmp/tables"
ktap_equal "the header" "LEVEL TABLES ENTRIES USED SIZE_KB" "$(head -n 1 "$tmp/tables")"
ktap_equal "one first table" 1 "$(awk 'NR == 2 { print $2 }' "$tmp/tables")"
ktap_equal "a level is a row" "$(key rows <"$tmp/tables")" "$(grep -cv -e '^#' -e '^LEVEL' "$tmp/tables")"
if [ -n "$(word_of all thp 2)" ]; then
	ktap_run "huge pages have tables in reserve" [ "$(key deposited_kb <"$tmp/tables")" -gt 0 ]
else
	ktap_skip "huge pages have tables in reserve" "there are none"
fi
# Present pages and other entries at the pte level are those that vmas and pagemap know.
used=$(awk '$1 == "pte" { print $4 }' "$tmp/tables")
ktap_run "the used entries are not fewer than small pages present" [ "$used" -ge \
	"$(ask vmas "$pid totals" | awk -v page="$((page_size / 1024))" '{
		for (i = 1; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
		print (value["present_kb"] - value["huge_kb"]) / page }')" ]

refused tables "" EINVAL not-a-question
refused tables "$pid 0x1000" EINVAL not-a-question
refused tables "kernel" EINVAL not-a-question
refused tables "2" ESRCH kernel-thread
ktap_finish
