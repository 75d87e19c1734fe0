#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a physical address that no process maps has no row: page 0, a page table,
# kernel memory, no memory at all. What is not a physical address is refused.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan 20
header="PID VA PAGE PERM COMM"
nobody() { # NAME PA
	ktap_equal "nobody maps $1" "$header
# end pa=$2 rows=0 outside=0 busy=0" "$(ask rmap "$2")"
}

start anon "$bin/subject" anon || exit 1
va=$(word_of anon anon 2)
ask walk "$(pid_of anon) $va levels" >"$tmp/levels"
table=$(awk '/^level=pmd/' "$tmp/levels" | key next)
ktap_run "the walk has a page table" [ "${table#0x}" != "$table" ]
nobody "a page table" "$table"
nobody "inside a page table" "${table%000}ff8"
nobody "the table of all tables" "$(awk '/^level=pgd/' "$tmp/levels" | key next)"
nobody "page 0" 0x1
nobody "an address without memory" 0xffffffff000
nobody "the last address" 0xffffffffffffffff
nobody "kmalloc memory" "$(awk '$1 == "kmalloc" { print $5 }' /proc/memintro/kmem)"

# The page of the process is found until it is gone, and no longer.
pa=$(echo "$va" | "$bin/pagemap" "$(pid_of anon)" | cut -d ' ' -f 2)
ktap_equal "while the process lives" 1 "$(ask rmap "$pa" | key rows)"
pid=$(pid_of anon)
stop anon
ktap_equal "after it has ended" 0 "$(ask rmap "$pa" | grep -c "^$pid ")"

# The module's memory: a page of kmalloc's has one mapping, vmalloc's pages two.
take_kmem
pa=$(awk '$1 == "kmalloc" { print $5 }' "$tmp/kmem") va=$(awk '$1 == "kmalloc" { print $2 }' "$tmp/kmem")
answer=$(ask rmap "$pa kernel")
ktap_equal "the kernel maps kmalloc memory once" "$va linear
# end pid=kernel pa=$pa rows=1" "$(printf '%s\n' "$answer" | awk '/^0x/ { print $1, $4 } /^#/')"
pa=$(awk '$1 == "vmalloc" { print $5 }' "$tmp/kmem") va=$(awk '$1 == "vmalloc" { print $2 }' "$tmp/kmem")
answer=$(ask rmap "$pa kernel")
ktap_equal "... and vmalloc memory twice" "linear
vmalloc $va" "$(printf '%s\n' "$answer" | awk '$4 == "linear" { print $4 } $4 == "vmalloc" { print $4, $1 }')"
ktap_equal "the kernel's mappings without CAP_SYSLOG" "# end pid=kernel pa=$pa error=EPERM why=need-cap-syslog" \
	"$(without syslog sh -c ". \"$here/lib-ask.sh\"; ask rmap \"$pa kernel\"")"
refused rmap "0x1000-0x2000 kernel" EINVAL not-a-question
refused rmap "0x1000 totals" EINVAL not-a-question
refused rmap "0x2000-0x1000" EINVAL not-an-address

refused rmap "" EINVAL not-a-question
refused rmap "0x1000 0x2000" EINVAL not-a-question
refused rmap "1000" EINVAL need-0x
refused rmap "0x10000000000000000" EINVAL not-an-address
ktap_finish
