#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: the rows of a process whose mappings change during the answer ascend, never
# overlap, and add up to the last line. A row is about one mapping: if another file, or
# another part of it, is mapped in its place while it is counted, the row ends there.
#
# Property: rmap finds a process that calls execve() at any moment of the answer and
# maps the page before and after; for one that does nothing but execve() it reports at
# least that it was busy.
#
#	TIMES=N ROWS=N STEPS=N test-moving.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan 8
log_mark
ktap_run "answers about a process in motion" "$bin/moving" --answers "${TIMES:-20}"
ktap_diag "$ktap_out"
least=${ktap_out##*least_changes=}
ktap_run "the process is still in motion" [ "${least:-0}" -ge 3 ]

# An answer about a process that ends: its rows, and one line that says so.
start ends "$bin/hog" || exit 1
{
	printf '%s\n%s\n' "$(pid_of ends)" "$(pid_of ends)" >&3
	stop ends
	cat <&3 >"$tmp/answer"
} 3<>/proc/memintro/vmas
ktap_equal "a process that has ended" 2 \
	"$(grep -cE '^# end pid=[0-9]+ error=ESRCH why=no-(process|memory)$' "$tmp/answer")"

ktap_run "no row mixes two mappings" "$bin/replaced" --rows "${ROWS:-250}"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
early=${ktap_out##*ended_early=}
ktap_run "mappings were replaced while they were counted" [ "${early%% *}" -gt 0 ]

ktap_run "a program is executed after each step of an answer in turn" \
	unshare -pf --mount-proc "$bin/execs" once --steps "${STEPS:-15}"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
ktap_run "a program is executed after every step" \
	unshare -pf --mount-proc "$bin/execs" always
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
