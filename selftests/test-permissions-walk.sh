#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: each write to and read from the sysfs walk needs CAP_SYS_ADMIN and
# CAP_SYS_PTRACE of the task that opened the file. A refusal does not change the slot,
# and comes after EINVAL and before ESRCH.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

command -v setpriv >/dev/null || ktap_skip_all "no setpriv"
question="$$ 0x1000\n"

ktap_plan 17
put "$question" >/dev/null

for cap in sys_admin sys_ptrace; do
	ktap_equal "write without $cap" EPERM "$(without $cap "$bin/raw-question" write "$walk" "$question")"
	ktap_equal "read without $cap" EPERM "$(without $cap "$bin/raw-question" read "$walk")"
	ktap_equal "malformed, without $cap: EINVAL comes first" EINVAL \
		"$(without $cap "$bin/raw-question" write "$walk" "x\n")"
	put "$question" >/dev/null
	ktap_equal "absent PID, without $cap: EPERM comes first" EPERM \
		"$(without $cap "$bin/raw-question" write "$walk" "2147483647 0x1000\n")"
	ktap_equal "EPERM for want of $cap left the slot as it was" no-vma "$(get)"
done

# The answer for the two capabilities alone is the full one: an address.
start anon "$bin/subject" anon || exit 1
va=$(word_of anon anon 2)
expected=$(echo "$va" | "$bin/pagemap" "$(pid_of anon)" | cut -d ' ' -f 2)
ktap_equal "write with the two alone" "ok $((${#va} + $(pid_of anon | tr -d '\n' | wc -c) + 1))" \
	"$(only +sys_admin,+sys_ptrace "$bin/raw-question" write "$walk" "$(pid_of anon) $va")"
ktap_equal "read with the two alone" "$expected" \
	"$(only +sys_admin,+sys_ptrace "$bin/raw-question" read "$walk")"

# The opener counts: a descriptor neither gains nor loses rights.
ktap_equal "opened by root, written by nobody" "ok $((${#question} - 1))" \
	"$(nobody "$bin/raw-question" write fd:3 "$question" 3>"$walk")"
ktap_equal "opened by root, read by nobody" no-vma \
	"$(nobody "$bin/raw-question" read fd:3 3<"$walk")"
at_exit "chmod 600 $walk"
chmod 666 "$walk"
ktap_equal "opened by nobody, written by root" EPERM \
	"$("$bin/raw-question" write "$walk" "$question" --open-as 65534)"
ktap_equal "opened by nobody, read by root" EPERM \
	"$("$bin/raw-question" read "$walk" --open-as 65534)"
ktap_equal "nobody alone, where the mode allows it" "EPERM EPERM" \
	"$(nobody "$bin/raw-question" write "$walk" "$question") $(nobody "$bin/raw-question" read "$walk")"
ktap_finish
