#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: vmas answers `PID`, `PID VA` and `PID START-END`, each with or without
# totals, and refuses everything else with one line that says why.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan $((15 + refusals_planned))
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
one "a range inside: the mapping is whole" "$(at 4096)-$(at 8192)" "start=$(at 4096) end=$(at 8192)"
one "a range with odd ends is rounded outward" "$(at 1)-$(at 65535)" "start=$va end=$(at 65536)"

nothing="size_kb=0 present_kb=0 huge_kb=0 zero_kb=0 swap_kb=0 empty_kb=0"
ktap_equal "an address between mappings" "$header
# end pid=$pid va=0x1000 rows=0 $nothing" "$(ask vmas "$pid 0x1000")"
ktap_equal "a range without mappings" "$header
# end pid=$pid start=0x1000 end=0x3000 rows=0 $nothing" "$(ask vmas "$pid 0x1000-0x3000")"

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
ktap_finish
