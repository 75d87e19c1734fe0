#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 500
#
# Property: bash's `while read` over the rows of 10,000 processes (fewer where the
# kernel is slow) costs at most 3 times dash's. (bash seeks back at every line:
# where a table is made anew then, or sought from its start, the cost grows with
# the square.)
#
#	ROWS=N test-tasks-cost.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

count=${ROWS:-$((10000 / slow))}
ktap_plan 3
for shell in bash dash; do
	command -v "$shell" >/dev/null || ktap_skip_all "no $shell"
done

# A process needs about 50 KiB of the kernel, and a thread number.
free=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
most=$(cat /proc/sys/kernel/threads-max)
if [ "$free" -lt $((count * 60)) ] || [ "$most" -lt $((count + 1000)) ]; then
	ktap_skip "every process has a row" "no room for $count processes"
	ktap_skip "the times can be measured" "no room for $count processes"
	ktap_skip "bash costs at most 3 times dash" "no room for $count processes"
	ktap_finish
fi
begin=$(now)
start family "$bin/spawn" "$count" --plain || exit 1
ktap_diag "$count processes started in $((($(now) - begin) / 100)) s"
cat >"$tmp/loop" <<'LOOP'
n=0
while read -r pid ppid uid state threads comm; do
	n=$((n + 1))
done </proc/memintro/tasks
echo "$n"
LOOP

spent() { # SHELL
	begin=$(now)
	rows=$("$1" "$tmp/loop")
	spent=$(($(now) - begin))
}

# The best of five each, in turns: other processes may run, too.
dash='' bash=''
for _ in 1 2 3 4 5; do
	spent dash
	if [ -z "$dash" ] || [ "$spent" -lt "$dash" ]; then dash=$spent; fi
	spent bash
	if [ -z "$bash" ] || [ "$spent" -lt "$bash" ]; then bash=$spent; fi
done
ktap_run "every process has a row" [ "$rows" -gt "$count" ]
ktap_diag "$rows rows: dash 0.01 s * $dash, bash 0.01 s * $bash"
ktap_run "the times can be measured" [ "$dash" -ge 5 ]
ktap_run "bash costs at most 3 times dash" [ "$bash" -le $((3 * dash)) ]
ktap_finish
