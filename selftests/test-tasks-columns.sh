#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: with 300 processes (2,000 with `all --long`), /proc/memintro/tasks equals
# /proc in every column: odd names, other users, stopped, blocked and dead processes,
# threads, kernel threads.
#
#	PROCESSES=N test-tasks-columns.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

count=${PROCESSES:-300}
ktap_plan 5
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
ktap_finish
