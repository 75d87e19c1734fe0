#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 400
#
# Property: a reader never frees the memory of a process that was killed while it was
# read: that takes long and cannot be interrupted by a signal.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

tracing=/sys/kernel/tracing
trace=$tracing/instances/memintro-exit
[ -e $tracing/kprobe_events ] || ktap_skip_all "no kprobe events"

ktap_plan 2
log_mark
at_exit "rmdir $trace; echo -:memintro/exit >>$tracing/kprobe_events"
echo 'p:memintro/exit exit_mmap' >>$tracing/kprobe_events
mkdir $trace
echo 1 >$trace/events/memintro/exit/enable
ktap_run "the memory is given up by somebody else" "$bin/last-user" $trace/trace
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
echo 0 >$trace/events/memintro/exit/enable
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
