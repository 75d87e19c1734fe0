#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 3 s
# timeout: 400
#
# Property: however many threads a process has, alive or exited, a table visits a
# bounded number of IDs and threads in one RCU read-side critical section, so others
# never wait for long. Counted by probes in the kernel, so that no clock decides:
# between two sections the module calls cond_resched(), which is forbidden inside one.
#
#	THREADS=20000 test-tasks-sections.sh
#
# With LONGEST_US=N no section may take longer than N microseconds either, by the trace's
# clock, which is worth something in a guest whose clock counts instructions:
#
#	vm/run --icount --memory 3G -- env THREADS=20000 LONGEST_US=1000 \
#		selftests/test-tasks-sections.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
# Each thread has four mappings.
set_until_end /proc/sys/vm/max_map_count 1000000

tracing=/sys/kernel/tracing
[ -e $tracing/kprobe_events ] || ktap_skip_all "no kprobe events"
trace=$tracing/instances/memintro
# Twice as many as may be looked at in a section.
threads=${THREADS:-1024}
# A look takes a microsecond or two where processors are emulated.
most=512
: "${LONGEST_US:=0}"

ktap_plan $((LONGEST_US ? 17 : 10))
log_mark

# Removes events that nobody uses any more.
# shellcheck disable=SC2317 # called at the end
without_probes() {
	rmdir "$trace" 2>/dev/null
	for probe in resched look thread; do
		echo "-:memintro/$probe" >>"$tracing/kprobe_events"
	done 2>/dev/null
}
at_exit without_probes
probes() {
	echo 'p:memintro/resched memintro_cond_resched'
	echo 'p:memintro/look find_ge_pid'
	# The function that visits a thread of a process.
	echo 'p:memintro/thread memintro_next_thread'
}
probes | while read -r probe; do
	echo "$probe" >>"$tracing/kprobe_events" || ktap_diag "cannot have $probe"
done
mkdir $trace
# More than the events of a reading take; the pages are allocated one by one.
echo $((1024 + threads)) >$trace/buffer_size_kb

# The most looks in a section, all looks, and the microseconds of the longest section,
# probes included, of a reader of a table.
count() { # FILE
	mkfifo "$tmp/go" 2>/dev/null
	echo >$trace/trace
	sh -c 'read -r _ <"$0" && exec cat "$1" >/dev/null' "$tmp/go" "/proc/memintro/$1" &
	reader=$!
	for event in resched look thread; do
		echo "common_pid == $reader" >$trace/events/memintro/$event/filter
	done
	echo 1 >$trace/events/memintro/enable
	echo >"$tmp/go"
	wait $reader
	echo 0 >$trace/events/memintro/enable
	cat $trace/trace >"$tmp/trace"
	awk '
		{
			for (i = 2; i <= NF; i++)
				if ($i ~ /^(resched|look|thread):$/) {
					event = $i
					time = $(i - 1) * 1000000
				}
		}
		event == "resched:" { n = 0 }
		event ~ /^(look|thread):$/ && n == 0 { since = time }
		event ~ /^(look|thread):$/ && time - since > long { long = time - since }
		event ~ /^(look|thread):$/ { all++; if (++n > most) most = n }
		{ event = "" }
		END { printf "%d %d %d\n", most, all, long }' "$tmp/trace"
}

table() { # NAME FILE
	count_name="$1: $2" count_file=$2
	# shellcheck disable=SC2046 # three numbers
	set -- $(count "$count_file")
	ktap_diag "$count_name: at most $1 looks in a section, $2 in all; the longest took $3 us"
	ktap_run "$count_name: at most $most looks in a section" [ "$1" -le $most ]
	[ "$LONGEST_US" = 0 ] ||
		ktap_run "$count_name: at most $LONGEST_US us in a section" [ "$3" -le "$LONGEST_US" ]
	all=$((all + $2))
}

all=0
start alive "$bin/spawn" 0 --threads "$threads" || exit 1
for file in heapmax tasks vm kstack; do
	table "alive" $file
done
ktap_run "alive: the threads were visited" [ $all -ge $((4 * threads)) ]
stop alive
all=0
start dead "$bin/crowd" "$threads" || exit 1
for file in heapmax tasks vm; do
	table "ended" $file
done
ktap_run "ended: the threads were visited" [ $all -ge $((3 * threads)) ]
stop dead
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
