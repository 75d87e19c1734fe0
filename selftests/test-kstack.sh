#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: /proc/memintro/kstack has each thread exactly once. For a sleeping thread
# STACK <= SP < STACK + SIZE_B and USED_B = STACK + SIZE_B - SP; a running one has no
# SP, and one that has exited no stack.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

kstack=/proc/memintro/kstack
ktap_plan 6

# With 1, vmallocinfo shows addresses to root on the kernels that still have
# %pK there: each stack must then be one of its areas.
restrict=$(cat /proc/sys/kernel/kptr_restrict)
at_exit "echo $restrict >/proc/sys/kernel/kptr_restrict"
echo 1 >/proc/sys/kernel/kptr_restrict

start family "$bin/spawn" 80 --threads 30 --zombies 10 --zombie-leader --blocked || exit 1
ktap_run "the threads of /proc, their stacks and pointers" "$bin/compare-kstack"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"

row() { # TID COLUMN...
	awk -v tid="$1" '$1 == tid { print $3, ($4 ~ /^0x/ ? "0x" : $4), ($5 ~ /^0x/ ? "0x" : $5), ($7 ~ /^[0-9]+$/ ? "N" : $7) }' "$kstack"
}
ktap_equal "a sleeping process has a stack and a pointer" "S 0x 0x N" "$(row "$(word_of family live 2)")"
ktap_equal "a process that ended has no stack" "Z - - -" "$(row "$(word_of family zombie 2)")"
ktap_equal "of a process whose first thread ended, the other has one" "Z - - -, S 0x 0x N" \
	"$(row "$(word_of family zombie-leader 2)"), $(row "$(word_of family zombie-leader 3)")"

# The reader itself runs at that moment, for certain.
reader=$(sh -c 'echo $$; exec cat /proc/memintro/kstack' |
	awk 'NR == 1 { tid = $1 } $1 == tid && NF > 1 { print $3, substr($4, 1, 2), $5, $7, $8 }')
ktap_equal "the reader runs: no SP, no USED_B" "R 0x - - cat" "$reader"
stop family

start churn "$bin/spawn" 50 --churn 4 || exit 1
ktap_run "while processes come and go" "$bin/compare-kstack"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
ktap_finish
