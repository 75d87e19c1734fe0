#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 1200
#
# Property: if any allocation of the module fails, when it is loaded or used, the result
# is ENOMEM and nothing else: nothing leaks, no answer is torn, and a retry works. Needs
# a kernel with fault injection (CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC).

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-stress.sh
. "$here/lib-stress.sh"
[ -e /proc/self/fail-nth ] || ktap_skip_all "this kernel has no fault injection"
need_reloadable_module
unload

# The places of the module that allocate. Where there are more, they are to be
# reached here; where there are fewer, fewer are to be expected.
sites=30

planned=4
looks_for_leaks && planned=5
ktap_plan $planned
log_mark
memory_mark
ktap_run "each allocation that fails is an ENOMEM, and loses nothing" \
	"$bin/fail-nth" --module "$module" --sites $sites
ktap_diag "$(printf '%s\n' "$ktap_out" | grep -v '^wrong')"
memory_back "kernel memory is freed"
ktap_run "the module works" "$bin/compare-tasks"
unload
no_leaks "nothing leaked"
# An injected failure shows a trace, too, in which any function may occur.
ktap_equal "nothing is reported" "" "$(stress_reports | grep -vE 'FAULT_INJECTION|\] +(\? )?[a-z_0-9.]+\+0x')"
ktap_finish
