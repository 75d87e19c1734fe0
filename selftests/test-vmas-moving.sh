#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 6 s
#
# Property: the rows of a process whose mappings change during the answer ascend, never
# overlap, and add up to the last line. A row is about one mapping: if another file, or
# another part of it, is mapped in its place while it is counted, the row ends there.
#
#	TIMES=N ROWS=N test-vmas-moving.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan 6
log_mark
start storm "$bin/storm" || exit 1
ktap_run "answers about a process in motion" \
	"$bin/compare-vmas" --storm "${TIMES:-100}" "$(pid_of storm)"
printf '%s\n' "$ktap_out" | ktap_diag
ktap_run "the process is still in motion" kill -0 "$(pid_of storm)"

# An answer about a process that ends: its rows, and one line that says so.
{
	printf '%s\n%s\n' "$(pid_of storm)" "$(pid_of storm)" >&3
	stop storm
	cat <&3 >"$tmp/answer"
} 3<>/proc/memintro/vmas
ktap_equal "a process that has ended" 2 \
	"$(grep -cE '^# end pid=[0-9]+ error=ESRCH why=no-(process|memory)$' "$tmp/answer")"

ktap_run "no row mixes two mappings" "$bin/replaced" --rows "${ROWS:-1000}"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
early=${ktap_out##*ended_early=}
ktap_run "mappings were replaced while they were counted" [ "${early%% *}" -gt 0 ]
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
