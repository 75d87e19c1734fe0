#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: a conversation belongs to root, and its opener needs CAP_SYS_ADMIN and
# CAP_SYS_PTRACE in the initial user namespace; for kernel addresses CAP_SYSLOG too. It
# does not matter who uses the descriptor.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

command -v setpriv >/dev/null || ktap_skip_all "no setpriv"
raw="$bin/raw-question"
ktap_plan 68

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
ktap_finish
