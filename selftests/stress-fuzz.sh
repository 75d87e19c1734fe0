#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 4500
#
# Property: whatever system calls are made on the files, with whatever arguments, by
# threads that share descriptors and by processes that are killed, while the module is
# reloaded: no call hangs, the kernel reports nothing and gets all its memory back, and
# the module still answers.
#
#	SECONDS_LONG=3600 WORKERS=4 SEED=1 stress-fuzz.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
# shellcheck source-path=SCRIPTDIR source=lib-stress.sh
. "$here/lib-stress.sh"
need_reloadable_module

seconds=${SECONDS_LONG:-60}
planned=5
looks_for_leaks && planned=6
ktap_plan $planned
log_mark

fuzz() { # SECONDS LONGER
	"$bin/fuzz" --module "$module" --seconds "$1" --longer "$2" --workers "${WORKERS:-4}" \
		${SEED:+--seed "$SEED"}
}
# The first round fills the kernel's caches. Where kmemleak tells what leaks, the
# limit leaves room for them.
[ -e "$leaks" ] || fuzz 3 0 >/dev/null 2>&1
memory_mark
ktap_run "no call hangs in $seconds s" fuzz "$seconds" 300
ktap_diag "$(printf '%s\n' "$ktap_out" | grep -v '^wrong')"
ktap_equal "the module still answers" "pid=$$ va=0x1000 pa=none why=no-vma level=-" "$(ask walk $$ 0x1000)"
memory_back "kernel memory is freed"
ktap_run "the module can be unloaded" unload
no_leaks "nothing leaked"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
