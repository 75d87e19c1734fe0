#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: `while read` over the rows of 1,000 processes (10,000 with `all --long`)
# generates one table, in dash and in bash, which seeks back at every line; and a read
# costs the same wherever in the table it begins.
#
#	ROWS=N test-cost.sh
#
# Property: a mapping costs what its page tables cost, whatever its size: questions
# about 64 TiB of untouched mappings are answered, in vmas and in extents. (Page by
# page, or table by table, a thousand of them would take hours.)

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

# tasks
count=${ROWS:-1000}
for shell in bash dash; do
	command -v "$shell" >/dev/null || ktap_skip_all "no $shell"
done
ktap_plan 9

# A process needs about 50 KiB of the kernel, and a thread number.
free=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
most=$(cat /proc/sys/kernel/threads-max)
if [ "$free" -lt $((count * 60)) ] || [ "$most" -lt $((count + 1000)) ]; then
	for name in "bash: every process has a row" "bash: all rows are of one table" "dash: every process has a row" \
		"dash: all rows are of one table" "a read costs no more at the end"; do
		ktap_skip "$name" "no room for $count processes"
	done
else
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
	stop family
fi

# vmas and extents
tib=64
start large "$bin/lazy" $((tib * 1024))G || exit 1
from=$(word_of large lazy 3)
to=$(printf '0x%x' $((from + $(word_of large lazy 4))))
awk -v question="$(pid_of large) $from-$to totals" \
	'BEGIN { for (i = 0; i < 1000; i++) print question }' >"$tmp/questions"
kb=$((tib << 30))

# Two results: 1,000 answers come before a time that only a dead machine needs; what
# they say.
cost() { # FILE KEY...
	file=$1
	shift
	# shellcheck disable=SC2016 # the inner shell expands them
	ktap_run "$file of $tib TiB costs no more than its tables" timeout 120 \
		sh -c '{ cat "$1" >&3 && cat <&3; } 3<>"$2" >"$3"' sh "$tmp/questions" "/proc/memintro/$file" "$tmp/answers"
	last=$(tail -n 1 "$tmp/answers")
	said=
	for name; do
		said="$said $name=$(printf '%s\n' "$last" | key "$name")"
	done
	case $file in
	vmas) expected="1000 size_kb=$kb empty_kb=$kb" ;;
	*) expected="1000 rows=0 hole_kb=$kb" ;;
	esac
	ktap_equal "$file: the answers" "$expected" "$(grep -c . "$tmp/answers")$said"
}
cost vmas size_kb empty_kb
cost extents rows hole_kb
stop large
ktap_finish
