#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 5 s
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
#
# Property: the opener of a conversation needs these two capabilities in the initial user
# namespace; for kernel addresses CAP_SYSLOG too.

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

ktap_plan 142

# Conversations.
raw="$bin/raw-question"
for name in walk vmas extents rmap page tables; do
	file=$proc/$name
	ktap_equal "$name: mode" "600 0 0" "$(stat -c '%a %u %g' "$file")"
	ktap_equal "$name: nobody" EACCES "$(nobody "$raw" open "$file" --rdwr)"
	for cap in sys_admin sys_ptrace; do
		ktap_equal "$name: all but $cap" EPERM "$(without $cap "$raw" open "$file" --rdwr)"
	done
	ktap_equal "$name: the two alone" ok "$(only +sys_admin,+sys_ptrace "$raw" open "$file" --rdwr)"
	if unshare --user --map-root-user true 2>/dev/null; then
		ktap_equal "$name: root of a container's user namespace" EPERM \
			"$(unshare --user --map-root-user "$raw" open "$file" --rdwr)"
		ktap_equal "$name: the same, with namespaces of its own for all" EPERM \
			"$(unshare --user --map-root-user --pid --fork --mount-proc "$raw" open "$file" --rdwr)"
	else
		ktap_skip "$name: root of a container's user namespace" "no user namespaces"
		ktap_skip "$name: the same, with namespaces of its own for all" "no user namespaces"
	fi
	chmod 666 "$file"
	ktap_equal "$name: nobody, where the mode allows it" EPERM "$(nobody "$raw" open "$file" --rdwr)"
	ktap_equal "$name: opened by nobody, for root" EPERM \
		"$("$raw" open "$file" --rdwr --open-as 65534)"
	chmod 600 "$file"
	# What root has opened, nobody may use.
	got=$(nobody "$bin/converse" fd:3 'write=x\n' read=4096 3<>"$file" | paste -sd ' ' -)
	case $got in
	'ok 2 '*'error=EINVAL '*) ktap_ok "$name: opened by root, used by nobody" ;;
	*) ktap_equal "$name: opened by root, used by nobody" "ok 2 ... error=EINVAL" "$got" ;;
	esac
done

# Answers with addresses, too.
start anon "$bin/subject" anon || exit 1
pid=$(pid_of anon) va=$(word_of anon anon 2)
expected=$(echo "$va" | "$bin/pagemap" "$pid" | cut -d ' ' -f 2)
physical() { # COMMAND...
	"$@" "$bin/converse" fd:3 "write=$pid $va\n" read=4096 3<>"$proc/walk" |
		sed -n 's/.* pa=\([^ ]*\).*/\1/p'
}
ktap_equal "opened by root, nobody gets the address" "$expected" "$(physical nobody)"
ktap_equal "opened by root, one without capabilities gets it" "$expected" "$(physical only -sys_admin)"

# Kernel addresses, and the addresses of entries. What the address is of differs.
region=text
[ "$(uname -m)" = x86_64 ] || region=vmemmap
cat >"$tmp/kernel" <<'END'
exec 3<>/proc/memintro/walk
echo "kernel 0xffffffff81000000" >&3
echo "kernel 0xffffffff81000000 levels" >&3
echo "kernel 0x1000" >&3
echo "$1 $2 levels" >&3
sed 's/entry=0x[0-9a-f]*/entry=0x/; s/value=.*//; s/\(region=[a-z]*\).*/\1/; s/ page=.*//; s/index=[0-9]* //' <&3
END
refused="pid=kernel va=0xffffffff81000000 pa=none error=EPERM why=need-cap-syslog"
user="pid=$pid va=$va pa=$expected"
levels() { # ENTRY
	echo "level=root index=- entry=- "
	for level in pgd p4d pud pmd pte; do
		echo "level=$level entry=$1 "
	done
}
without_syslog=$(
	echo "$refused"
	echo "$refused"
	echo "pid=kernel va=0x1000 pa=none error=EINVAL why=user-address"
	levels denied
	echo "$user"
)
ktap_equal "without CAP_SYSLOG: refused, and no address of an entry" "$without_syslog" \
	"$(without syslog sh "$tmp/kernel" "$pid" "$va")"
ktap_equal "with it: answered, and addresses of entries" \
	"2 region, 0 denied, $user" \
	"$(sh "$tmp/kernel" "$pid" "$va" >"$tmp/out"; echo "$(grep -c "region=$region" "$tmp/out") region, $(
		grep -c denied "$tmp/out") denied, $(tail -n 1 "$tmp/out")")"
ktap_equal "with it there is an entry of every level" "$(levels 0x)" \
	"$(sed -n '/user-address/,$p' "$tmp/out" | sed -n '/^level=/p')"
ktap_equal "extents of the kernel, without it" \
	"# end pid=kernel start=0xffffffff81000000 end=0xffffffff81200000 error=EPERM why=need-cap-syslog" \
	"$(without syslog sh -c '{ echo "kernel 0xffffffff81000000-0xffffffff81200000" >&3 && cat <&3; } 3<>/proc/memintro/extents')"

# Whose CAP_SYSLOG: the opener's.
words() {
	sed -n 's/.*\(region\|error\)=\([A-Za-z]*\).*/\2/p'
}
question='write=kernel 0xffffffff81000000\n'
ktap_equal "opened with it, used without" $region \
	"$(without syslog "$bin/converse" fd:3 "$question" read=4096 3<>"$proc/walk" | words)"
ktap_equal "opened without it, used with it" EPERM \
	"$("$bin/converse" "no-syslog:$proc/walk" "$question" read=4096 | words)"
stop anon

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
