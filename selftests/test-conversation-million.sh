#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 5 s
# timeout: 900
#
# Property: many questions through one conversation, about a process that has every kind
# of page, are answered as pagemap, smaps and the kinds say: address, size of the page,
# level, permissions, flags, the word and swap entry of a page that is absent, and the
# lines of `levels`.
#
#	QUESTIONS=1000000 test-conversation-million.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
prepare_memory

questions=${QUESTIONS:-30000}
ktap_plan 1
start all "$bin/subject" || {
	ktap_diag <"$tmp/all.err"
	exit 1
}
ktap_diag <"$tmp/all.err"
begin=$(now)
ktap_run "$questions questions, 0 mismatches" \
	"$bin/walk-million" "$(pid_of all)" --questions "$questions" <"$tmp/all.out"
ktap_diag "$(printf '%s\n' "$ktap_out" | grep -v '^wrong\|^mismatch')"
ktap_diag "$(($(now) - begin)) hundredths of a second"
ktap_finish
