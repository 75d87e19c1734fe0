#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a setuid program has its rights in files that it opens itself, and gains
# none through a descriptor that it inherited from an ordinary user.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

command -v setpriv >/dev/null || ktap_skip_all "no setpriv"
# The real thing: nobody may run it, and it runs as root.
chmod 755 "$tmp"
setuid=$tmp/raw-question
cp "$bin/raw-question" "$setuid"
chmod 4755 "$setuid"
case $(findmnt -n -o OPTIONS -T "$tmp" 2>/dev/null) in
*nosuid*) ktap_skip_all "$tmp is mounted nosuid" ;;
esac

ktap_plan 30
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
ktap_finish
