#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a read into memory that is unmapped, wholly or in part, fails with EFAULT or
# returns what fitted, and loses nothing: the next read returns the rest. A write from
# such memory fails with EFAULT and changes nothing. This holds for every file.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

ktap_plan 5
log_mark
for what in tables conversations sysfs writes; do
	ktap_run "$what: bad memory is EFAULT, and nothing is lost" "$bin/bad-buffer" "$what"
	ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
done
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
