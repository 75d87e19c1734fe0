#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 6 s
#
# Property: rmap finds a process that calls execve() at any moment of the answer and
# maps the page before and after; for one that does nothing but execve() it reports at
# least that it was busy.
#
#	STEPS=N test-rmap-exec.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

ktap_plan 3
log_mark
ktap_run "a program is executed after each step of an answer in turn" \
	unshare -pf --mount-proc "$bin/execs" once --steps "${STEPS:-30}"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
ktap_run "a program is executed after every step" \
	unshare -pf --mount-proc "$bin/execs" always
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
