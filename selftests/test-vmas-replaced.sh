#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a row of vmas is about one mapping: if another file, or another part of it,
# is mapped in its place while it is counted, the row ends there.
#
#	ROWS=1000 test-vmas-replaced.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

ktap_plan 3
log_mark
ktap_run "no row mixes two mappings" "$bin/replaced" --rows "${ROWS:-1000}"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
early=${ktap_out##*ended_early=}
ktap_run "mappings were replaced while they were counted" [ "${early%% *}" -gt 0 ]
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
