#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 5 s
#
# Property: a reader of any file that is killed, in the middle of a read or at any other
# moment, exits, and loses only what it had read: no bytes for the next reader of the
# descriptor, and no kernel memory.
#
#	SECONDS_LONG=60 test-killed-reader.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-stress.sh
. "$here/lib-stress.sh"
need_reloadable_module

ktap_plan 4
log_mark
# The first ones fill the caches.
"$bin/kill-readers" --kills 10 >/dev/null 2>&1
memory_mark
ktap_run "readers are killed, and nothing is lost" \
	"$bin/kill-readers" --kills 100 --seconds "${SECONDS_LONG:-0}"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
memory_back "no memory is lost" 4096
ktap_run "the module can be unloaded" unload
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
