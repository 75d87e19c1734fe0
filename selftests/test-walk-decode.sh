#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: entries that no program can produce for long enough are decoded correctly: a
# huge page that is being split is present and allows nothing; free memory is never
# mistaken for one of the kernel's page tables.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
decode=$here/reference/memintro_decode.ko
[ -e "$decode" ] || ktap_skip_all "no $decode"
at_exit 'grep -q "^memintro_decode " /proc/modules && rmmod memintro_decode'

ktap_plan 6
log_mark
ktap_run "the checks are made" insmod "$decode"
log_since | sed -n 's/^.*memintro_decode: //p' >"$tmp/said"
for name in "a huge page allows reads" "while it is split it is there" \
	"while it is split it allows nothing" "memory in use may be a table" \
	"free memory is no table"; do
	ktap_run "$name" grep -qx "$name: ok" "$tmp/said"
done
ktap_finish
