#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 6 s
# timeout: 900
#
# Property: the walk of a process that has all kinds of pages at once gives the right
# answer for each range, and answers to questions about several processes do not mix.
#
# Property: many questions through one conversation, about that process, are answered as
# pagemap, smaps and the kinds say: address, size of the page, level, permissions, flags,
# the word and swap entry of a page that is absent, and the lines of `levels`.
#
#	QUESTIONS=1000000 test-walk-together.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
prepare_memory

questions=${QUESTIONS:-10000}
ktap_plan 3
if ! start one "$bin/subject" || ! start two "$bin/subject" anon; then
	cat "$tmp/one.err" "$tmp/two.err" | ktap_diag
	exit 1
fi
ktap_diag <"$tmp/one.err"
ktap_run "all kinds in one process" "$bin/compare-walk" "$(pid_of one)" <"$tmp/one.out"
ktap_diag "$ktap_out"

# The same address in two processes has two pages; each question names its own.
# shellcheck disable=SC2317 # ktap_run calls it
differ() {
	va=$(word_of two anon 2)
	for _ in 1 2 3 4 5; do
		for name in one two; do
			pid=$(pid_of "$name")
			expected=$(echo "$va" | "$bin/pagemap" "$pid" | cut -d ' ' -f 2)
			[ "$(put "$pid $va\n")" = "ok $((${#pid} + ${#va} + 2))" ] || return
			answer=$(get)
			# Whatever is there in the first process, it is not the other's page.
			case $expected in
			0x*) [ "$answer" = "$expected" ] || return ;;
			*) case $answer in 0x*) return 1 ;; esac ;;
			esac
		done
	done
}
ktap_run "the same address in two processes" differ
stop two

begin=$(now)
ktap_run "$questions questions, 0 mismatches" \
	"$bin/walk-million" "$(pid_of one)" --questions "$questions" <"$tmp/one.out"
ktap_diag "$(printf '%s\n' "$ktap_out" | grep -v '^wrong\|^mismatch')"
ktap_diag "$(($(now) - begin)) hundredths of a second"
ktap_finish
