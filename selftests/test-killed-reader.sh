#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a reader of any file that is killed at any moment ends at once, and
# takes nothing with it but what it had read: neither bytes that the next reader
# of the descriptor should have, nor memory of the kernel.
#
#	SECONDS_LONG=60 test-killed-reader.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-stress.sh
. "$here/lib-stress.sh"
need_reloadable_module

# Kernel memory in KiB that cannot be given back on demand.
kernel_kb() {
	echo 3 >/proc/sys/vm/drop_caches
	# Frees wait for RCU.
	sleep 1
	awk '$1 == "SUnreclaim:" || $1 == "VmallocUsed:" { kb += $2 } END { print kb }' /proc/meminfo
}

ktap_plan 4
log_mark
# The first ones fill the caches.
"$bin/kill-readers" --seconds 1 >/dev/null 2>&1
before=$(kernel_kb)
ktap_run "readers are killed, and nothing is lost" \
	"$bin/kill-readers" --seconds "${SECONDS_LONG:-15}"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
after=$(kernel_kb)
ktap_diag "kernel memory: $before KiB before, $after KiB after"
# KASAN frees late; there kmemleak tells what leaks.
most=4096
[ ! -e "$leaks" ] || most=131072
ktap_run "no memory is lost" [ $((after - before)) -lt $most ]
ktap_run "the module can be unloaded" unload
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
