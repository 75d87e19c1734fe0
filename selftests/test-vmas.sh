#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 5 s
#
# Property: /proc/memintro/vmas of every process equals its maps, to the last byte of
# odd names; its numbers for each mapping equal pagemap, and smaps where that counts the
# same.
#
# Property: vmas answers `PID`, `PID VA` and `PID START-END`, each with or without
# totals, and refuses everything else with one line that says why.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
prepare_memory

ktap_plan 37

# Every mapping.
cd "$tmp" || exit 1
start odd "$bin/odd-maps" || ktap_diag <"$tmp/odd.err"
ktap_run "odd names" "$bin/compare-vmas" "$(pid_of odd)"
ktap_diag "$ktap_out"

# By eye, a few rows: the comparison undoes the escapes by a program of ours.
ask vmas "$(pid_of odd)" >"$tmp/rows"
names=$(column NAME <"$tmp/rows")
missing=
anon="[anon:two\\040words] [anon:] [anon_shmem:a\\040shared\\040one]"
if [ -s "$tmp/odd.err" ]; then
	ktap_diag <"$tmp/odd.err"
	anon=
fi
# shellcheck disable=SC2086 # one word per name
for name in $anon "$tmp/new\\012line" "$tmp/tab\\011here" "$tmp/back\\134slash\\040(deleted)" "$tmp/\\134012" "$tmp/two\\040words" \
	"$tmp/plain\\040(deleted)" "$tmp/not\\040deleted\\040(deleted)" '/memfd:x\040y\012\134z\040(deleted)' \
	'[heap]' '[stack]' '[vdso]' '[vvar]' -; do
	printf '%s\n' "$names" | grep -qxF -e "$name" || missing="$missing $name"
done
ktap_equal "names as they are escaped" "" "$missing"
ktap_equal "names of 4095 bytes" 2 "$(printf '%s\n' "$names" | awk 'length($0) >= 4095' | wc -l)"

start deep "$bin/odd-maps" 4200 || ktap_diag <"$tmp/deep.err"
ktap_equal "a path beyond PATH_MAX has no name" 'maps: 1, vmas: (name\040too\040long)' \
	"maps: $(awk 'length($6) == 4200' "/proc/$(pid_of deep)/maps" | wc -l), vmas: $(ask vmas "$(pid_of deep) $(word_of deep odd 2)" | column NAME)"
stop deep

start kinds "$bin/subject" || exit 1
ktap_run "every kind of page" "$bin/compare-vmas" "$(pid_of kinds)"
ktap_diag "$ktap_out"
without=
[ "$(wc -l </proc/swaps)" -gt 1 ] || without="swap_kb=0"
ktap_equal "of each kind there is some" "$without" \
	"$(printf '%s\n' "$ktap_out" | tail -n 1 | tr ' ' '\n' | grep '_kb=0$')"

start family "$bin/spawn" 30 || exit 1
ktap_run "every process" "$bin/compare-vmas"
ktap_diag "$ktap_out"
stop odd
stop kinds
stop family

# Questions.
start lazy "$bin/lazy" 64K || exit 1
pid=$(pid_of lazy)
va=$(word_of lazy lazy 3)
at() { # OFFSET
	printf '0x%x' $((va + $1))
}
header="START END PERM SIZE_KB PRESENT_KB HUGE_KB ZERO_KB SWAP_KB EMPTY_KB NAME"
amounts="size_kb=64 present_kb=0 huge_kb=0 zero_kb=0 swap_kb=0 empty_kb=64"
row="$va $(at 65536) rw-p 64 0 0 0 0 64 -"

one() { # NAME QUESTION END
	ktap_equal "$1" "$header
$row
# end pid=$pid $3 rows=1 $amounts" "$(ask vmas "$pid $2")"
	ktap_equal "$1, totals" "# end pid=$pid $3 rows=1 $amounts" "$(ask vmas "$pid $2 totals")"
}
one "the mapping at its first address" "$va" "va=$va"
one "the mapping at its last address" "$(at 65535)" "va=$(at 65535)"
one "a range inside: the mapping is whole" "$(at "$page_size")-$(at $((2 * page_size)))" \
	"start=$(at "$page_size") end=$(at $((2 * page_size)))"
one "a range with odd ends is rounded outward" "$(at 1)-$(at 65535)" "start=$va end=$(at 65536)"

nothing="size_kb=0 present_kb=0 huge_kb=0 zero_kb=0 swap_kb=0 empty_kb=0"
ktap_equal "an address between mappings" "$header
# end pid=$pid va=0x1000 rows=0 $nothing" "$(ask vmas "$pid 0x1000")"
range=$(printf '0x%x-0x%x' "$page_size" $((3 * page_size)))
ktap_equal "a range without mappings" "$header
# end pid=$pid start=${range%-*} end=${range#*-} rows=0 $nothing" "$(ask vmas "$pid $range")"

# The mapping above another one begins where that ends, or later.
all=$(ask vmas "$pid")
ktap_equal "the whole process has all mappings" "$(grep -vc '\[vsyscall\]' "/proc/$pid/maps")" \
	"$(printf '%s\n' "$all" | key rows)"
first=$(printf '%s\n' "$all" | sed -n '2s/ .*//p')
last=$(printf '%s\n' "$all" | column END | tail -n 1)
ktap_equal "a range over everything has the same rows" "$(printf '%s\n' "$all" | grep -v '^#')" \
	"$(ask vmas "$pid $first-$last" | grep -v '^#')"
ktap_equal "a range that touches two mappings" \
	"$(printf '%s\n' "$all" | sed -n 2,3p)" \
	"$(ask vmas "$pid $first-$(printf '%s\n' "$all" | awk 'NR == 3 { print $2 }')" | sed '1d;$d')"

start threads "$bin/spawn" 0 --threads 1 || exit 1
process=$(word_of threads live 2)
thread=$(basename -a "/proc/$process/task"/* | grep -vx "$process")
ktap_equal "a thread stands for its process" "$(ask vmas "$process" | grep -v '^#')" \
	"$(ask vmas "$thread" | grep -v '^#')"

start orphan "$bin/spawn" 0 --zombie-leader || exit 1
leader=$(word_of orphan zombie-leader 2)
other=$(word_of orphan zombie-leader 3)
ktap_equal "a process whose first thread ended has the memory of the other" \
	"$(grep -vc '\[vsyscall\]' "/proc/$leader/task/$other/maps")" "$(ask vmas "$leader" totals | key rows)"

refusals vmas "$pid"
stop lazy
stop threads
stop orphan
ktap_finish
