#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 3600
#
# Property: many conversations at once about one process that maps, unmaps,
# moves, protects, collapses, swaps out and copies its memory all the time give
# no physical address other than the one that pagemap gives both before and
# after, and the right one always for pages that the process leaves alone; the
# kernel has nothing to report.
#
#	CONVERSATIONS=64 SECONDS_LONG=60 stress-walk.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
prepare_memory

conversations=${CONVERSATIONS:-16}
seconds=${SECONDS_LONG:-20}
ktap_plan 2
log_mark

# Compaction moves even locked pages, unless it is told not to.
compact=/proc/sys/vm/compact_unevictable_allowed
if [ -e "$compact" ]; then
	at_exit "echo $(cat "$compact") >$compact"
	echo 0 >"$compact"
fi

ktap_run "$conversations conversations for $seconds s: no wrong answer" \
	"$bin/walk-storm" --conversations "$conversations" --seconds "$seconds"
ktap_diag "$(printf '%s\n' "$ktap_out" | grep -v '^wrong\|^mismatch')"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
