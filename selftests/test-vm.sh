#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: every row of /proc/memintro/vm equals /proc/PID/status and maps to
# the KiB, with 150 sleeping processes (2,000 with `all --long`) and some that
# have every kind of memory; ps and top show the same.
#
#	PROCESSES=N test-vm.sh
#
# Property: /proc/memintro/heapmax shows the process with the largest heap and its exact
# size, of several the one with the lowest PID, in the PID namespace of the mount.
#
# /proc shows the end of a heap only to within a page, so the exact cases use processes
# that report their own break.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
prepare_memory

ktap_plan 16

# vm.
count=${PROCESSES:-150}
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
stop family
stop kinds
stop heap
stop swapped

# heapmax.
heapmax=/proc/memintro/heapmax

row() {
	awk 'NR == 2 { print $1, $2, $3 }' "$heapmax"
}

ktap_run "before: not smaller than any heap in /proc" heapmax_is_right

# Larger than any other heap, and not a multiple of the page size.
size=$(($(awk '$9 + 0 > most { most = $9 } END { print most }' /proc/memintro/vm) + 67108864 + 12345))
start first "$bin/heap" "$size" || exit 1
first=$(word_of first heap 2)
ktap_equal "the largest, to the byte" "$first $size heap" "$(row)"
ktap_run "it agrees with /proc" heapmax_is_right

start second "$bin/heap" "$size" || exit 1
second=$(word_of second heap 2)
# Where the PIDs have wrapped round, the second may be the lower one.
lowest=$first
[ "$second" -gt "$first" ] || lowest=$second
ktap_equal "of two equals, the lowest PID" "$lowest $size heap" "$(row)"

start third "$bin/heap" "$((size + 1))" || exit 1
ktap_equal "one byte more decides" "$(word_of third heap 2) $((size + 1)) heap" "$(row)"
stop third
stop first
ktap_equal "of two equals, the one that lives on" "$second $size heap" "$(row)"

start inside unshare --pid --fork --mount-proc "$bin/heap" "$((size + 5))" || exit 1
init=$(pgrep -P "$(pid_of inside)")
ktap_equal "a process of another namespace, by its PID here" "$init $((size + 5)) heap" "$(row)"
heapmax=/proc/$init/root/proc/memintro/heapmax
ktap_equal "through the mount of that namespace" "1 $((size + 5)) heap" "$(row)"
stop inside

heapmax=/proc/memintro/heapmax
stop second
ktap_run "after: not smaller than any heap in /proc" heapmax_is_right
ktap_finish
