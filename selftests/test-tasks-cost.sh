#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 500
#
# Property: bash's `while read` over the rows of 3,000 processes (10,000 with
# `all --long`, 1,000 where the kernel is slow) costs at most 3 times dash's.
# (bash seeks back at every line: where a table is made anew then, or sought from
# its start, the cost grows with the square.)
#
#	ROWS=N test-tasks-cost.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

count=${ROWS:-$((slow > 1 ? 1000 : 3000))}
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
times=$1
while [ "$times" -gt 0 ]; do
	n=0
	while read -r pid ppid uid state threads comm; do
		n=$((n + 1))
	done </proc/memintro/tasks
	times=$((times - 1))
done
echo "$n"
LOOP

spent() { # SHELL
	begin=$(now)
	rows=$("$1" "$tmp/loop" "$times")
	spent=$(($(now) - begin))
}

# As often as a clock of hundredths of a second needs.
times=1
spent dash
while [ "$spent" -lt 20 ] && [ "$times" -lt 64 ]; do
	times=$((times * 2))
	spent dash
done

# The best of three each, in turns, or of up to ten: other processes may run, too.
dash='' bash='' turns=0
while [ "$turns" -lt 3 ] || { [ "$bash" -gt $((3 * dash)) ] && [ "$turns" -lt 10 ]; }; do
	turns=$((turns + 1))
	spent dash
	if [ -z "$dash" ] || [ "$spent" -lt "$dash" ]; then dash=$spent; fi
	spent bash
	if [ -z "$bash" ] || [ "$spent" -lt "$bash" ]; then bash=$spent; fi
done
ktap_run "every process has a row" [ "$rows" -gt "$count" ]
ktap_diag "$rows rows, $times times: dash 0.01 s * $dash, bash 0.01 s * $bash"
ktap_run "the times can be measured" [ "$dash" -ge 10 ]
ktap_run "bash costs at most 3 times dash" [ "$bash" -le $((3 * dash)) ]
ktap_finish
