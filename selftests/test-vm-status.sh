#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: every row of /proc/memintro/vm equals /proc/PID/status and maps to
# the KiB, with 150 sleeping processes (2,000 with `all --long`) and some that
# have every kind of memory; ps and top show the same.
#
#	PROCESSES=N test-vm-status.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
prepare_memory

count=${PROCESSES:-150}
ktap_plan 7
cd "$tmp" || exit 1
start family "$bin/spawn" "$count" --threads 3 --zombies 3 --zombie-leader || exit 1
start kinds "$bin/subject" || exit 1
start heap "$bin/heap" 33554433 || exit 1
# Two processes with pages that are only theirs, and swapped ones.
start swapped "$bin/subject" thp-swapped swap || ktap_diag <"$tmp/swapped.err"

ktap_run "the rows of all processes equal /proc" "$bin/compare-vm" --at-least "$((count + 5))"
printf '%s\n' "$ktap_out" | ktap_diag
largest=$ktap_out

# A column that is 0 everywhere would be equal whatever it counts.
without=
[ "$(wc -l </proc/swaps)" -gt 1 ] || without="$without SWAP_KB"
grep -q '^hugetlb' "$tmp/kinds.out" || without="$without HUGETLB_KB"
ktap_equal "each column has a value in some row" "$without" \
	"$(printf '%s\n' "$largest" | sed -n 's/^largest \(.*\)=0$/ \1/p' | tr -d '\n')"

ktap_equal "the heap to the byte" 33554433 \
	"$(awk -v pid="$(pid_of heap)" '$1 == pid { print $9 }' /proc/memintro/vm)"
ktap_equal "no row for a zombie, a kernel thread" "" \
	"$(awk -v zombie="$(word_of family zombie 2)" '$1 == zombie || $1 == 2' /proc/memintro/vm)"
ktap_equal "a row for a process whose first thread ended" 1 \
	"$(awk -v pid="$(word_of family zombie-leader 2)" '$1 == pid' /proc/memintro/vm | wc -l)"

few=$({
	awk '$1 == "live" && NR % 13 == 1 { print $2 }' "$tmp/family.out" | head -n 12
	pid_of kinds
	pid_of heap
} | sort -n | paste -sd , -)
# ps pads; top writes from a gigabyte on `1.0g`, unless the column has room.
ktap_equal "ps says the same" \
	"$(ps -o pid=,vsz=,rss= -p "$few" --sort pid | awk '{ print $1, $2, $3 }')" \
	"$(awk -v few=",$few," 'index(few, "," $1 ",") { print $1, $2, $3 }' /proc/memintro/vm)"
few=$(echo "$few" | tr , '\n' | grep -vx "$(pid_of kinds)" | paste -sd , -)
ktap_equal "top says the same" \
	"$(TERM=dumb top -b -n 1 -w 200 -p "$few" |
		awk '/^ *PID/ { for (i = 1; i <= NF; i++) at[$i] = i }
			/^ *[0-9]/ { print $at["PID"], $at["VIRT"], $at["RES"] }' | sort -n)" \
	"$(awk -v few=",$few," 'index(few, "," $1 ",") { print $1, $2, $3 }' /proc/memintro/vm)"
ktap_finish
