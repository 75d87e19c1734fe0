#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: `while read` over the rows of 1,000 processes (10,000 with `all --long`)
# generates one table, in dash and in bash, which seeks back at every line; and a read
# costs the same wherever in the table it begins.
#
#	ROWS=N test-tasks-cost.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

count=${ROWS:-1000}
ktap_plan 5
for shell in bash dash; do
	command -v "$shell" >/dev/null || ktap_skip_all "no $shell"
done

# A process needs about 50 KiB of the kernel, and a thread number.
free=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
most=$(cat /proc/sys/kernel/threads-max)
if [ "$free" -lt $((count * 60)) ] || [ "$most" -lt $((count + 1000)) ]; then
	for name in "bash: every process has a row" "bash: all rows are of one table" "dash: every process has a row" \
		"dash: all rows are of one table" "a read costs no more at the end"; do
		ktap_skip "$name" "no room for $count processes"
	done
	ktap_finish
fi
start family "$bin/spawn" "$count" --plain || exit 1

# A process that is started after the first row has a row in any table that is made
# later: it comes last.
cat >"$tmp/loop" <<'LOOP'
n=0 later=none found=no
while read -r pid ppid uid state threads comm; do
	n=$((n + 1))
	if [ $n -eq 1 ]; then
		sleep 1000 </dev/null >/dev/null &
		later=$!
	fi
	[ "$pid" != "$later" ] || found=yes
done </proc/memintro/tasks
grep -q "^$later " /proc/memintro/tasks || found=never
kill "$later"
echo "$n $found"
LOOP
for shell in bash dash; do
	answer=$("$shell" "$tmp/loop" 2>"$tmp/err")
	ktap_run "$shell: every process has a row" [ "${answer% *}" -gt "$count" ]
	ktap_equal "$shell: all rows are of one table" no "${answer#* }"
done

# Regenerating the table, or scanning from its start, would take milliseconds each time.
end=$(($(wc -c </proc/memintro/tasks) - 200))
ktap_equal "a read costs no more at the end" 100 \
	"$(timeout 200 "$bin/raw-question" read /proc/memintro/tasks --at $end --size 100 --times 1000000 | wc -c)"
ktap_finish
