# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the stress tests share: load on the machine, and whether everything is restored
# afterwards. To be sourced after lib.sh and lib-memory.sh.

# Has ksmd merge equal pages, fast.
merge_pages() {
	ksm=/sys/kernel/mm/ksm
	set_until_end $ksm/sleep_millisecs 20
	set_until_end $ksm/pages_to_scan 1000
	set_until_end $ksm/run 1
}

# A memory cgroup of its own, $group.
limited_group() {
	group=/sys/fs/cgroup/memintro-stress
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		echo +memory >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
		mkdir -p $group
		at_exit "rmdir $group"
	fi
}

# Unreclaimable kernel memory in KiB, and free memory.
memory_now() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '$1 == "SUnreclaim:" || $1 == "VmallocUsed:" || $1 == "KernelStack:" { kb += $2 }
		$1 == "MemAvailable:" { free = $2 }
		END { print kb, free }' /proc/meminfo
}

memory_mark() {
	# Memory that is freed later would hide a leak.
	sleep 1
	memory_before=$(memory_now)
}

# Whether less than KIB of kernel memory was used since the mark, or less than KIB plus 48
# MiB of all memory. KASAN delays frees of up to a thirty-second part of all memory; there
# kmemleak reports leaks.
memory_is_back() { # KIB
	memory_after=$(memory_now)
	[ ! -e "$leaks" ] || set -- 131072
	[ $((${memory_after% *} - ${memory_before% *})) -lt "$1" ] &&
		[ $((${memory_before#* } - ${memory_after#* })) -lt $(($1 + 49152)) ]
}

# One result. Frees wait for RCU and workers, for any time; leaked memory never comes back.
memory_back() { # NAME [KIB]
	memory_seconds=0
	while ! memory_is_back "${2-16384}"; do
		memory_seconds=$((memory_seconds + 1))
		[ $memory_seconds -le 120 ] || break
		sleep 1
	done
	ktap_diag "kernel memory and available memory, KiB: $memory_before before, $memory_after $memory_seconds s after"
	ktap_run "$1" [ $memory_seconds -le 120 ]
}

# Whether the kernel can report leaks.
leaks=/sys/kernel/debug/kmemleak

# If there is kmemleak, unless the caller scans once at the very end (LEAKS=end): a scan
# takes a minute in an emulated machine.
looks_for_leaks() {
	[ -e $leaks ] && [ "${LEAKS-}" != end ]
}

# One result if leaks are searched for, else none: there is no leak.
no_leaks() { # NAME
	looks_for_leaks || return 0
	# kmemleak skips young objects, and SIGCHLD would end the scan.
	sleep 6
	leaked="kmemleak could not look"
	(echo scan >$leaks) && (echo scan >$leaks) && leaked=$(cat $leaks)
	ktap_equal "$1" "" "$leaked"
}

# As log_reports, but an OOM kill shows a trace, too.
stress_reports() {
	log_reports | grep -v 'Call Trace'
}
