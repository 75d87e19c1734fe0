#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: the sysfs walk is one slot with the documented rules: every write is a whole
# question at any offset, reads repeat the answer, and blanks around a question are
# ignored.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

start anon "$bin/subject" anon || exit 1
pid=$(pid_of anon)
va=$(word_of anon anon 2)
# An address inside the page, so that the offset shows.
inside=${va%000}123
expected=$(echo "$inside" | "$bin/pagemap" "$pid" | cut -d ' ' -f 2)

# One result: a question in some form is understood.
understand() { # NAME TEXT [OPTION...]
	name=$1
	shift
	put '\n' >/dev/null
	got=$(put "$@")
	ktap_equal "$name" "ok, $expected" "${got%% *}, $(get)"
}

ktap_plan 20
ktap_diag "question: $pid $inside, pagemap: $expected"
understand "PID and address" "$pid $inside\n"
understand "without a newline" "$pid $inside"
understand "blanks around and between" " \t $pid \t  $inside \t \n"
understand "upper-case digits" "$pid 0x$(printf '%s' "${inside#0x}" | tr a-f A-F)\n"
understand "leading zeros in the address" "$pid 0x$(printf '%16s' "${inside#0x}" | tr ' ' 0)\n"
understand "leading zeros in the PID" "$(printf '%010d' "$pid") $inside\n"
understand "256 bytes with blanks" "$(printf '%-256s' "$pid $inside")"
understand "at an offset in the file" "$pid $inside\n" --at 7
understand "at an offset of 5000" "$pid $inside\n" --at 5000

put "$pid $inside\n" >/dev/null
ktap_equal "a write says how much it took: all" \
	"ok $((${#pid} + ${#inside} + 2))" "$(put "$pid $inside\n")"
ktap_equal "reads repeat the answer" "$expected $expected" "$(get) $(get)"
ktap_equal "a read at the answer's end gives nothing" "" \
	"$("$bin/raw-question" read "$walk" --at $((${#expected} + 1)))"
ktap_equal "a read inside the answer gives the rest" "${expected#0x}" \
	"$("$bin/raw-question" read "$walk" --at 2)"
ktap_equal "a write of no bytes is no write" "ok 0 $expected" "$(put '') $(get)"

# Both lines of the issue's example, as a user types them.
typed=$(echo "$pid $inside" >"$walk" && cat "$walk")
ktap_equal "echo > walk && cat walk" "$expected" "$typed"

# Through a descriptor that can read too, sysfs would continue the question.
ktap_equal "a write through O_RDWR is EINVAL" EINVAL "$(put "$pid $inside\n" --rdwr)"
ktap_equal "so it is at an offset" EINVAL "$(put "$pid $inside\n" --rdwr --at 3)"

# The n-th write through one descriptor is at the offset where the last ended.
{
	echo "$pid $va"
	echo "$pid $inside"
} >"$walk"
ktap_equal "a second question through the same descriptor" "$expected" "$(get)"

exec 3<"$walk"
put "$pid $va\n" >/dev/null
first=$("$bin/raw-question" read fd:3 --at 0)
put "$pid $inside\n" >/dev/null
second=$("$bin/raw-question" read fd:3 --at 0)
exec 3<&-
ktap_equal "an open descriptor reads the newest answer" "${expected%123}000 $expected" "$first $second"

# A thread's number stands for its process.
start threads "$bin/spawn" 0 --threads 1 || exit 1
process=$(word_of threads live 2)
for thread in "/proc/$process/task"/*; do
	thread=${thread##*/}
	[ "$thread" = "$process" ] || break
done
# Any present page will do.
page=$("$bin/pagemap" "$process" <<END | awk '$2 ~ /^0x/ { print; exit }'
$(awk '!/ ---p / { split($1, a, "-"); print "0x" a[1] }' "/proc/$process/maps")
END
)
put "$thread ${page% *}\n" >/dev/null
ktap_equal "a thread's number" "${page#* }" "$(get)"
ktap_finish
