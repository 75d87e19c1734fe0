#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: every file belongs to root, and its opener needs exactly the capabilities in
# the documentation; the rights are those of the task that opened a descriptor, not of
# the one that uses it.
#
# Property: each write to and read from the sysfs walk needs CAP_SYS_ADMIN and
# CAP_SYS_PTRACE of the task that opened the file. A refusal does not change the slot,
# and comes after EINVAL and before ESRCH.
#
# Property: a setuid program has its rights in files that it opens itself, and gains
# none through a descriptor that it inherited from an ordinary user.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

command -v setpriv >/dev/null || ktap_skip_all "no setpriv"
# For later: nobody may run it, and it runs as root.
chmod 755 "$tmp"
setuid=$tmp/raw-question
cp "$bin/raw-question" "$setuid"
chmod 4755 "$setuid"
case $(findmnt -n -o OPTIONS -T "$tmp" 2>/dev/null) in
*nosuid*) ktap_skip_all "$tmp is mounted nosuid" ;;
esac

ktap_plan 74

# Tables.

modes() { # FILE...
	stat -c '%a %u %g %n' "$@"
}

for name in tasks heapmax kstack; do
	ktap_equal "$name: mode" "400 0 0 $proc/$name" "$(modes "$proc/$name")"
	ktap_equal "$name: nobody" EACCES "$(nobody "$bin/raw-question" open "$proc/$name")"
done
ktap_equal "sysfs walk: mode" "600 0 0 $walk" "$(modes "$walk")"
ktap_equal "nobody cannot read sysfs walk" EACCES "$(nobody "$bin/raw-question" read "$walk")"
ktap_equal "no file is open to others" "" "$(find "$proc/" "${walk%/*}" -type f -perm /077)"

# Tables without addresses.
for name in tasks heapmax; do
	ktap_equal "$name: without any capability" ok "$(only "" "$bin/raw-question" open "$proc/$name")"
	chmod 440 "$proc/$name" && chgrp 65534 "$proc/$name"
	got=$(nobody "$bin/raw-question" read "$proc/$name" --size 3)
	chmod 400 "$proc/$name" && chgrp 0 "$proc/$name"
	ktap_equal "$name: an administrator may give it to a group" PID "$got"
done

# Kernel addresses.
ktap_equal "kstack: all but CAP_SYSLOG" EPERM \
	"$(setpriv --inh-caps=-syslog --bounding-set=-syslog "$bin/raw-question" open "$proc/kstack")"
ktap_equal "kstack: CAP_SYSLOG alone" ok "$(only +syslog "$bin/raw-question" open "$proc/kstack")"
ktap_equal "layout: all but CAP_SYSLOG" EPERM \
	"$(setpriv --inh-caps=-syslog --bounding-set=-syslog "$bin/raw-question" open "$proc/layout")"
ktap_equal "layout: CAP_SYSLOG alone" ok "$(only +syslog "$bin/raw-question" open "$proc/layout")"
chmod 444 "$proc/kstack"
ktap_equal "kstack: nobody, where the mode allows it" EPERM \
	"$(nobody "$bin/raw-question" open "$proc/kstack")"
ktap_equal "kstack: opened by nobody, for root" EPERM \
	"$("$bin/raw-question" open "$proc/kstack" --open-as 65534)"
chmod 400 "$proc/kstack"
# Descriptors that root opened, in the hands of nobody.
ktap_equal "kstack: opened by root, read by nobody" TID \
	"$(nobody "$bin/raw-question" read fd:3 --size 3 3<"$proc/kstack")"
ktap_equal "tasks: opened by root, read by nobody" PID \
	"$(nobody "$bin/raw-question" read fd:3 --size 3 3<"$proc/tasks")"

if unshare --user --map-root-user true 2>/dev/null; then
	ktap_equal "kstack: root of a user namespace" EPERM \
		"$(unshare --user --map-root-user "$bin/raw-question" open "$proc/kstack")"
	ktap_equal "sysfs walk: root of a user namespace" EPERM \
		"$(unshare --user --map-root-user "$bin/raw-question" write "$walk" "$$ 0x1000\n")"
else
	ktap_skip "kstack: root of a user namespace" "no user namespaces"
	ktap_skip "sysfs walk: root of a user namespace" "no user namespaces"
fi

# Reading is opening for reading: no table can be written.
for name in tasks heapmax kstack; do
	got=$("$bin/raw-question" write "$proc/$name" x)
	case $got in E*) got=refused ;; esac
	ktap_equal "$name: cannot be written, not even by root" refused "$got"
done
ktap_equal "opening did not change a mode" "400 400 400 600" \
	"$(stat -c %a "$proc/tasks" "$proc/heapmax" "$proc/kstack" "$walk" | paste -sd ' ' -)"

# The sysfs walk.
question="$$ 0x1000\n"

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
chmod 666 "$walk"
ktap_equal "opened by nobody, written by root" EPERM \
	"$("$bin/raw-question" write "$walk" "$question" --open-as 65534)"
ktap_equal "opened by nobody, read by root" EPERM \
	"$("$bin/raw-question" read "$walk" --open-as 65534)"
ktap_equal "nobody alone, where the mode allows it" "EPERM EPERM" \
	"$(nobody "$bin/raw-question" write "$walk" "$question") $(nobody "$bin/raw-question" read "$walk")"
stop anon
chmod 600 "$walk"

# Setuid programs.

start anon "$bin/subject" anon || exit 1
va=$(word_of anon anon 2)
question="$(pid_of anon) $va"
put "$question" >/dev/null
address=$(get)

ktap_equal "nobody runs the plain program" EACCES "$(nobody "$bin/raw-question" read "$walk")"
ktap_equal "nobody runs it setuid: it reads what it opens" "$address" "$(nobody "$setuid" read "$walk")"
ktap_equal "... and writes" "ok ${#question}" "$(nobody "$setuid" write "$walk" "$question")"
for name in kstack kmem layout; do
	ktap_equal "$name: opened by the setuid program" ok "$(nobody "$setuid" open "$proc/$name")"
done
for name in walk vmas extents rmap page tables; do
	ktap_equal "$name: opened by the setuid program" ok "$(nobody "$setuid" open "$proc/$name" --rdwr)"
done

# Modes that would let anybody in: what is left is whoever opens.
for file in "$walk" "$proc/walk" "$proc/vmas" "$proc/extents" "$proc/rmap" "$proc/page" "$proc/tables" "$proc/kstack" "$proc/kmem" "$proc/layout"; do
	at_exit "chmod $(stat -c %a "$file") $file"
	chmod 666 "$file"
done
# shellcheck disable=SC2016 # for nobody's shell
inherited() { # REDIRECTION ARGUMENT...
	redirection=$1
	shift
	nobody sh -c 'exec '"$redirection"' && exec "$@"' sh "$setuid" "$@" 2>&1 | sed 's/.*: //'
}
ktap_equal "sysfs: opened by nobody, written by the setuid program" EPERM \
	"$(inherited "3>$walk" write fd:3 "1 0x1000\n")"
ktap_equal "sysfs: opened by nobody, read by the setuid program" EPERM \
	"$(inherited "3<$walk" read fd:3)"
ktap_equal "sysfs: the slot is as it was" "$address" "$(get)"
# Here nobody gets no descriptor that could be used.
for name in walk vmas extents rmap page tables; do
	ktap_equal "$name: nobody cannot open it for the program" "Operation not permitted" \
		"$(inherited "3<>$proc/$name" write fd:3 "$question\n")"
done
for name in kstack kmem layout; do
	ktap_equal "$name: nobody cannot open it for the program" "Operation not permitted" \
		"$(inherited "3<$proc/$name" read fd:3)"
done

# The other way round: root opens, and the user's program is no less for it.
ktap_equal "sysfs: opened by root, read by nobody's program" "$address" \
	"$(nobody "$bin/raw-question" read fd:3 3<"$walk")"
# A table without addresses is for everyone whom the mode allows.
at_exit "chmod 400 $proc/tasks"
chmod 444 "$proc/tasks"
ktap_equal "tasks: opened by nobody, read by the setuid program" PID \
	"$(inherited "3<$proc/tasks" read fd:3 --size 3)"
ktap_equal "tasks: opened by nobody, read by nobody" PID \
	"$(nobody "$bin/raw-question" read "$proc/tasks" --size 3)"
for name in walk vmas extents; do
	file=$proc/$name
	got=$(nobody "$bin/converse" fd:3 'write=x\n' read=4096 3<>"$file" | paste -sd ' ' -)
	case $got in
	'ok 2 '*'error=EINVAL '*) ktap_ok "$name: opened by root, used by nobody's program" ;;
	*) ktap_equal "$name: opened by root, used by nobody's program" "ok 2 ... error=EINVAL" "$got" ;;
	esac
done
stop anon
ktap_finish
