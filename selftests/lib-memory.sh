# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Prepares what kinds of pages need: swap, pools of huge pages, and no background activity.
# To be sourced after lib.sh, or by `all`. Each of these does nothing if the machine is
# prepared already, and registers with at_exit what it changed. And what the tests of kinds
# of pages share.

hugepages=/sys/kernel/mm/hugepages
thp=/sys/kernel/mm/transparent_hugepage

# Swap on a zram device: needs no disk, and is as large as the tests need.
need_swap() {
	[ "$(wc -l </proc/swaps)" -gt 1 ] && return
	if [ -e /sys/class/zram-control/hot_add ] || modprobe -q zram; then
		zram=$(cat /sys/class/zram-control/hot_add) || return
		echo 256M >"/sys/block/zram$zram/disksize" || return
		mkswap "/dev/zram$zram" >/dev/null && swapon "/dev/zram$zram" || return
		at_exit "swapoff /dev/zram$zram && echo $zram >/sys/class/zram-control/hot_remove"
	fi
}

# At least N free pages of a hugetlb pool. The kernel gets 1G pages only if it finds a free
# gigabyte, so reserve them at boot.
need_hugepages() { # SIZE_KB N
	pool=$hugepages/hugepages-$1kB
	[ -d "$pool" ] || return
	[ "$(cat "$pool/free_hugepages")" -lt "$2" ] || return 0
	at_exit "echo $(cat "$pool/nr_hugepages") >$pool/nr_hugepages"
	echo $(($(cat "$pool/nr_hugepages") + $2)) >"$pool/nr_hugepages"
}

# Transparent huge pages for programs that ask for them.
need_thp() {
	grep -qs '\[never\]' "$thp/enabled" || return 0
	at_exit "echo never >$thp/enabled"
	echo madvise >"$thp/enabled"
}

# Folios of 16K, and of the size of arm64's contiguous block, for programs that ask for
# them.
need_mthp() {
	kb=64
	[ "$page_size" != 16384 ] || kb=2048
	for kb in 16 $kb; do
		set_until_end "$thp/hugepages-${kb}kB/enabled" madvise
		set_until_end "$thp/hugepages-${kb}kB/shmem_enabled" advise
	done
}

# Sets a file until the end of the test, if the file exists.
set_until_end() { # FILE VALUE
	[ -w "$1" ] || return 0
	until_end=$(sed 's/.*\[\(.*\)\].*/\1/' "$1")
	[ "$until_end" != "$2" ] || return 0
	at_exit "echo $until_end >$1"
	echo "$2" >"$1"
}

# Keeps each page where it is unless a program moves it: compaction would move even locked
# pages, khugepaged untouched ones, and reclaim would start when a huge page is hard to
# find.
rest_in_place() {
	set_until_end /proc/sys/vm/compact_unevictable_allowed 0
	set_until_end /proc/sys/vm/compaction_proactiveness 0
	set_until_end /proc/sys/vm/watermark_boost_factor 0
	set_until_end "$thp/khugepaged/max_ptes_none" 0
	set_until_end "$thp/khugepaged/pages_to_scan" 1
	set_until_end "$thp/khugepaged/scan_sleep_millisecs" 86400000
}

prepare_memory() {
	rest_in_place
	need_swap
	need_hugepages 64 8
	need_hugepages 2048 8
	need_hugepages 32768 1
	need_hugepages 1048576 1
	need_thp
	need_mthp
}

# The kinds whose pages are backed as the pattern says (`subject --list`).
kinds() { # PATTERN
	"$bin/subject" --list | awk -v what="$1" '$2 ~ "^(" what ")$" { print $1 }'
}

# Whether this machine can never have a kind; the reason is printed.
cannot_have() { # KIND
	case $1 in
	high)
		case $("$bin/subject" --bits) in
		52 | 56) ;;
		*) echo "four levels" ;;
		esac
		;;
	hugetlb-64k* | hugetlb-32m*)
		size=${1#hugetlb-}
		case $(uname -m)-$page_size-${size%%-*} in
		aarch64-4096-* | aarch64-16384-32m) ;;
		*) echo "there are no hugetlb pages of this size here" ;;
		esac
		;;
	hwpoison)
		is_guest || echo "takes memory away from a machine that is not the test guest"
		;;
	esac
}
