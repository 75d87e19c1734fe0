#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: files that show kernel addresses obey kptr_restrict as kallsyms does: 2
# hides them from everyone. For kstack, kmem and conversations this is decided when the
# file is opened.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module

kptr=/proc/sys/kernel/kptr_restrict
set_until_end $kptr 0
restrict() { # N
	echo "$1" >$kptr
}

ktap_plan 36
log_mark
take_kmem
va=$(awk '$1 == "vmalloc" { print $2 }' "$tmp/kmem")
# Of its first page; no shell computes with such addresses.
range=$va-${va%000}001
page_kb=$(($(getconf PAGESIZE) / 1024))
own=$(word=$(grep -m 1 ' r-xp ' /proc/$$/maps) && echo "0x${word%%-*}")

opens() { # FILE
	"$bin/raw-question" open "/proc/memintro/$1"
}

# What `levels` says of the entries: addresses, or that they are denied.
entries() {
	sed -n 's/^level=.* entry=\([^ -][^ ]*\) .*/\1/p' | sed 's/^0x.*/shown/' | sort -u
}

for n in 0 1; do
	restrict $n
	for file in kstack kmem layout tasks vm heapmax; do
		ktap_equal "$n: $file can be opened" ok "$(opens $file)"
	done
	ktap_equal "$n: walk answers about the kernel" vmalloc "$(ask walk "kernel $va" | key region)"
	ktap_equal "$n: extents answers about the kernel" $page_kb "$(ask extents "kernel $range totals" | key kb)"
	ktap_equal "$n: levels shows entries" shown "$(ask walk "$$ $own levels" | entries)"
	ktap_equal "$n: sysfs answers about the kernel" ok "$(put "kernel $va\n" | cut -d ' ' -f 1)"
done

restrict 2
for file in kstack kmem layout; do
	ktap_equal "2: $file is refused" EPERM "$(opens $file)"
done
for file in tasks vm heapmax; do
	ktap_equal "2: $file can be opened" ok "$(opens $file)"
done
ktap_equal "2: walk refuses the kernel" "pid=kernel va=$va pa=none error=EPERM why=kptr-restrict" \
	"$(ask walk "kernel $va")"
ktap_equal "2: extents refuses the kernel" "EPERM kptr-restrict" \
	"$(ask extents "kernel $range" | tail -n 1 | sed 's/.*error=\([A-Z]*\) why=\(.*\)/\1 \2/')"
ktap_equal "2: levels denies entries" denied "$(ask walk "$$ $own levels" | entries)"
ktap_equal "2: sysfs refuses the kernel" EPERM "$(put "kernel $va\n")"
ktap_equal "2: other answers stay" "$$" "$(ask walk "$$ $own" | key pid)"

# A file that was opened before.
restrict 0
exec 3<>/proc/memintro/walk
restrict 2
exec 4<>/proc/memintro/walk
echo "kernel $va" >&3
read -r answer <&3
ktap_equal "opened with 0, asked with 2" vmalloc "$(echo "$answer" | key region)"
echo "kernel $va" >&4
read -r answer <&4
ktap_equal "opened with 2, asked with 2" kptr-restrict "$(echo "$answer" | key why)"
restrict 0
echo "kernel $va" >&4
read -r answer <&4
ktap_equal "opened with 2, asked with 0" kptr-restrict "$(echo "$answer" | key why)"
exec 3>&- 4>&-
ktap_equal "with 0 again" ok "$(opens kstack)"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
