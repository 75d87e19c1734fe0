#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 6 s
#
# Property: with 300 processes (2,000 with `all --long`), /proc/memintro/tasks equals
# /proc in every column: odd names, other users, stopped, blocked and dead processes,
# threads, kernel threads.
#
# Property: a table is a snapshot: the first read generates it, a read at offset 0
# regenerates it, and tools may read it in pieces of any size and from any offset.
#
# Property: while processes come and go, a shell's `while read` over
# /proc/memintro/tasks sees no torn row, no row twice, and every process that lives all
# the time, in bash, dash and busybox.
#
#	PROCESSES=N test-tasks.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

ktap_plan 31

# Columns.
count=${PROCESSES:-300}
start family "$bin/spawn" "$count" --threads 5 --zombies 20 --zombie-leader --blocked ||
	ktap_diag <"$tmp/family.err"

ktap_run "the rows of all processes equal /proc" \
	"$bin/compare-tasks" --at-least "$((count + 20))"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"

# The comparison skips what moves; these live throughout, and none moves.
cp /proc/memintro/tasks "$tmp/tasks"
awk 'NR == FNR { row[$1]++; next } row[$2] != 1 && $1 != "ready" { print }' \
	"$tmp/tasks" "$tmp/family.out" >"$tmp/missing"
ktap_equal "each process that was started has one row" "" "$(cat "$tmp/missing")"

state() { # KEY
	awk -v pid="$(word_of family "$1" 2)" '$1 == pid { print $4, $5 }' "$tmp/tasks"
}
ktap_equal "a zombie is listed as one" "Z 1" "$(state zombie)"
ktap_equal "a process whose first thread ended is listed with both threads" \
	"Z 2" "$(state zombie-leader)"

# ps is a second opinion on the columns that it shares, for a few processes.
few=$(awk '$1 == "live" && NR % 100 == 1 { print $2 }' "$tmp/family.out" | paste -sd , -)
ktap_equal "ps says the same" \
	"$(ps -o pid=,ppid=,s=,nlwp= -p "$few" | awk '{ print $1, $2, $3, $4 }')" \
	"$(awk -v few=",$few," 'index(few, "," $1 ",") { print $1, $2, $4, $5 }' "$tmp/tasks")"
stop family

# Tools.
tasks=/proc/memintro/tasks
start family "$bin/spawn" 200 || exit 1

# check-snapshot reports 9 properties of the file.
"$bin/check-snapshot" "$tasks" >"$tmp/properties"
while read -r result; do
	case $result in
	"not ok "*) ktap_not_ok "${result#not ok }" ;;
	"ok "*) ktap_ok "${result#ok }" ;;
	esac
done <"$tmp/properties"

# The rows of the processes that do nothing, in the order of the file.
still() { # FILE
	awk 'NR == FNR { live[$2]; next } $1 in live' "$tmp/family.out" "$1"
}
cat "$tasks" >"$tmp/cat"
still "$tmp/cat" >"$tmp/expected"
ktap_equal "cat shows all" 200 "$(wc -l <"$tmp/expected")"

# One result: a tool reads the same rows, and does not complain.
reads() { # NAME COMMAND...
	name=$1
	shift
	"$@" >"$tmp/got" 2>"$tmp/complaint"
	still "$tmp/got" | cmp - "$tmp/expected" >>"$tmp/complaint" 2>&1
	ktap_equal "$name" "" "$(cat "$tmp/complaint")"
}
reads "dd by single bytes" dd if="$tasks" bs=1 status=none
reads "dd by 7 bytes" dd if="$tasks" bs=7 status=none
reads "dd by 1 MiB" dd if="$tasks" bs=1M status=none
reads "tail from the first line on" tail -n +1 "$tasks"
reads "cp and cat" sh -c "cp $tasks '$tmp/copy' && cat '$tmp/copy'"
reads "head of all lines" head -n 100000 "$tasks"
reads "busybox cat" busybox cat "$tasks"

ktap_equal "head -n 1 is the header, without a complaint" \
	"PID PPID UID STATE THREADS COMM" "$(head -n 1 "$tasks" 2>&1 | tr -s ' ' | sed 's/ $//')"
# The last process is this very tail, or what runs beside it.
ktap_equal "tail -n 1 is one row, without a complaint" "1 6" \
	"$(tail -n 1 "$tasks" 2>&1 | awk '{ n = NF } END { print NR, n }')"
# head seeks back to the end of the fifth line; the family's rows come later.
reads "head leaves the rest to the next reader" \
	sh -c "{ head -n 5 >'$tmp/copy' && cat; } <$tasks"
stop family

# Shells.
count=${PROCESSES:-100}
start family "$bin/spawn" "$count" --churn 2 || exit 1
awk '$1 == "live" { print $2 }' "$tmp/family.out" | sort >"$tmp/live"

# What the loop saw, judged against the file's rules: what is printed is wrong.
# With churn, a torn row is one that shows two processes' halves: the odd names
# and users of the family would get mixed up, so its rows are compared whole.
judge() { # FILE
	awk '
		NR == 1 {
			if ($0 != "PID PPID UID STATE THREADS COMM .") print "header: " $0
			next
		}
		NF != 7 || $7 != "." { print "fields: " $0 }
		$1 !~ /^[0-9]+$/ || $2 !~ /^[0-9]+$/ || $3 !~ /^[0-9]+$/ || $5 !~ /^[0-9]+$/ ||
			$4 !~ /^[RSDTtXZPI]$/ { print "torn: " $0 }
		$1 <= last { print "out of order: " $0 }
		{ last = $1 + 0 }' "$1"
	awk 'NR > 1 { print $1 }' "$1" | sort | comm -13 - "$tmp/live" | sed 's/^/missing: /'
	awk 'NR == FNR { row[$1] = $0; next } ($1 in row) && row[$1] != $0 { print "differs: " $0 " from " row[$1] }' \
		"$tmp/still" "$1"
}

# The family's rows, but for the churners, which are the last two.
head -n "$count" "$tmp/family.out" | awk '{ print $2 }' >"$tmp/sleepers"
awk 'NR == FNR { sleeper[$1]; next } $1 in sleeper { $1 = $1; print $0 " ." }' \
	"$tmp/sleepers" /proc/memintro/tasks >"$tmp/still"

cat >"$tmp/loop" <<'LOOP'
while read -r pid ppid uid state threads comm rest; do
	printf '%s\n' "$pid $ppid $uid $state $threads $comm $rest."
done </proc/memintro/tasks
LOOP
# How many processes there ever were.
started() {
	awk '$1 == "processes" { print $2 }' /proc/stat
}
for shell in bash dash "busybox sh"; do
	if ! command -v "${shell%% *}" >/dev/null; then
		ktap_skip "$shell: every row, whole" "no $shell"
		ktap_skip "$shell: processes came and went during the reads" "no $shell"
		continue
	fi
	: >"$tmp/wrong"
	before=$(started) times=0 after=0
	# Each loop itself is a process or two.
	while [ "$times" -lt 3 ] || { [ $((after - before)) -le 100 ] && [ "$times" -lt 1000 ]; }; do
		$shell "$tmp/loop" >"$tmp/seen" 2>>"$tmp/wrong"
		judge "$tmp/seen" >>"$tmp/wrong"
		after=$(started) times=$((times + 1))
	done
	ktap_equal "$shell: every row, whole" "" "$(head -n 5 "$tmp/wrong")"
	ktap_diag "$((after - before)) processes came in $times loops"
	ktap_run "$shell: processes came and went during the reads" [ $((after - before)) -gt 100 ]
done
stop family
ktap_finish
