#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 5 s
#
# Property: unloaded and loaded 10 times (100 with `all --long`), while four shells read
# and write all files and get many answers, the module leaves nothing in the log.
#
#	RELOADS=N test-reload.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_reloadable_module

reloads=${RELOADS:-10}
ktap_plan 8

# Each shell counts what succeeded: a test in which nothing does shows nothing.
cat >"$tmp/work" <<'WORK'
tables=0 answers=0
ask() {
	if echo "$$ 0x1000" >/sys/kernel/memintro/walk && cat /sys/kernel/memintro/walk; then
		answers=$((answers + 1))
	fi
	echo "not a question" >/sys/kernel/memintro/walk
}
while :; do
	# Whatever files this module has; the first read of a conversation says
	# how to use it.
	for file in /proc/memintro/*; do
		ask
		if cat "$file"; then tables=$((tables + 1)); fi
		echo "$tables $answers" >&4
		case $file in
		*/walk | */vmas | */extents) { echo "$$ 0x1000" >&3 && cat <&3; } 3<>"$file" ;;
		esac
	done
	# Leaves off in the midst of a table.
	rows=0
	while read -r row && [ $rows -lt 20 ]; do
		rows=$((rows + 1))
	done </proc/memintro/tasks
done >/dev/null 2>&1 4>"$1"
WORK

# The last that a shell has counted, and whether that is enough by now: 10 tables and 3
# answers at the end.
count() { # SHELL RELOADS
	read -r tables answers <<END
$(tail -n 1 "$tmp/$1.count")
END
	: "${tables:=0}" "${answers:=0}"
	[ $((tables * reloads)) -ge $((10 * $2)) ] && [ $((answers * reloads)) -ge $((3 * $2)) ]
}
all_busy() { # RELOADS
	for shell in dash bash busybox sh; do
		count $shell "$1" || return
	done
}

log_mark
workers=
for shell in dash bash "busybox sh" sh; do
	: >"$tmp/${shell%% *}.count"
	# Nice ones: else rmmod waits for its turn most of the time.
	# shellcheck disable=SC2086 # "busybox sh" is two words
	nice -n 10 $shell "$tmp/work" "$tmp/${shell%% *}.count" 2>/dev/null &
	workers="$workers $!"
done
at_exit "kill $workers 2>/dev/null"

done=0 behind=0
while [ "$done" -lt "$reloads" ]; do
	unload || break
	load || break
	done=$((done + 1))
	# No shell falls behind, however slow it is: they are in the midst of something
	# whenever the module goes.
	until all_busy "$done" || [ $behind -ge 6000 ]; do
		behind=$((behind + 1))
		sleep 0.05
	done
done
ktap_run "$reloads reloads succeeded" [ "$done" -ge "$reloads" ]
ktap_diag "$done reloads"
# shellcheck disable=SC2086 # one word per process
kill $workers
# shellcheck disable=SC2086
{ wait $workers; } 2>/dev/null # the shell would tell of the signal

for shell in dash bash busybox sh; do
	ktap_run "$shell: reads and questions succeeded in between" count $shell "$reloads"
	count $shell "$reloads"
	ktap_diag "$shell: $tables tables, $answers answers"
done

log_since >"$tmp/log"
ktap_equal "the log has a line for each load and each unload" "$done $done" \
	"$(grep -c 'memintro: loaded' "$tmp/log") $(grep -c 'memintro: unloaded' "$tmp/log")"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_run "the module works" "$bin/compare-tasks"
ktap_finish
