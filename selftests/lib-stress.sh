# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the stress tests share: a machine that is busy in the right ways, and
# whether it is as it was afterwards. To be sourced after lib.sh.

# Sets a file until the end, where there is one.
set_until_end() { # FILE VALUE
	[ -w "$1" ] || return 0
	at_exit "echo $(sed 's/.*\[\(.*\)\].*/\1/' "$1") >$1"
	echo "$2" >"$1"
}

# Pages that a program leaves alone stay where they are: compaction would move
# even locked ones, and khugepaged what nobody has counted.
rest_in_place() {
	set_until_end /proc/sys/vm/compact_unevictable_allowed 0
	set_until_end /sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs 86400000
}

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

# Kernel memory in KiB that cannot be given back on demand, and what is free.
memory_now() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	# Frees wait for RCU.
	sleep 2
	awk '$1 == "SUnreclaim:" || $1 == "VmallocUsed:" || $1 == "KernelStack:" { kb += $2 }
		$1 == "MemAvailable:" { free = $2 }
		END { print kb, free }' /proc/meminfo
}

memory_mark() {
	memory_before=$(memory_now)
}

# One result: 16 MiB of kernel memory, or 64 of all, are lost where something
# leaks all the time. KASAN frees late, up to a thirty-second part of all memory;
# there kmemleak tells what leaks.
memory_back() { # NAME
	memory_after=$(memory_now)
	ktap_diag "kernel memory and available memory, KiB: $memory_before before, $memory_after after"
	# shellcheck disable=SC2086 # two words each
	set -- "$1" $memory_before $memory_after
	most=16384
	[ ! -e "$leaks" ] || most=131072
	ktap_run "$1" eval "[ $(($4 - $2)) -lt $most ] && [ $(($3 - $5)) -lt $((most + 49152)) ]"
}

# A kernel that can tell what leaked.
leaks=/sys/kernel/debug/kmemleak

# Where there is kmemleak, unless who runs this looks at the end of all (LEAKS=end):
# a look takes a minute in an emulated machine.
looks_for_leaks() {
	[ -e $leaks ] && [ "${LEAKS-}" != end ]
}

# One result where leaks are looked for, else none: it finds nothing.
no_leaks() { # NAME
	looks_for_leaks || return 0
	# What is young is not looked at, and a child's end would end the scan.
	sleep 6
	leaked="kmemleak could not look"
	(echo scan >$leaks) && (echo scan >$leaks) && leaked=$(cat $leaks)
	ktap_equal "$1" "" "$leaked"
}

# As log_reports, but an OOM kill shows a trace, too.
stress_reports() {
	log_reports | grep -v 'Call Trace'
}
