#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: every file belongs to root, and its opener needs exactly the capabilities in
# the documentation; the rights are those of the task that opened a descriptor, not of
# the one that uses it.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

command -v setpriv >/dev/null || ktap_skip_all "no setpriv"

modes() { # FILE...
	stat -c '%a %u %g %n' "$@"
}

ktap_plan 27

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
ktap_finish
