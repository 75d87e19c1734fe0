#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: memintro, 6 times loaded, read completely, asked in every conversation, read
# by the second module, and unloaded, leaves nothing in the log and leaks no memory.
#
#	LOADS=N test-kmem-reload.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
# shellcheck source-path=SCRIPTDIR source=lib-stress.sh
. "$here/lib-stress.sh"
need_reloadable_module
peer=${MEMINTRO_PEER_KO:-$here/peer/memintro_peer.ko}
at_exit 'grep -q "^memintro_peer " /proc/modules && rmmod memintro_peer'

reloads=${LOADS:-6}
ktap_plan 9
log_mark
start subject "$bin/subject" anon || exit 1
pid=$(pid_of subject)
va=$(word_of subject anon 2)

# Everything once; prints how many bytes came.
use() {
	{
		for file in tasks vm heapmax kstack kmem; do
			cat /proc/memintro/$file || return
		done
		echo "$pid $va" >"$walk" && cat "$walk" || return
		ask walk "$pid $va levels" || return
		ask vmas "$pid" || return
		ask extents "$pid" || return
		# Around vmalloc memory and at the end; KASAN's shadow between is 16 TiB of pages.
		kva=$(awk '$1 == "vmalloc" { print $2 }' /proc/memintro/kmem)
		ask extents "kernel $kva-${kva%????????}ffffffff totals" || return
		ask extents "kernel 0xffffffff80000000-0xffffffffffffffff totals" || return
		pa=$(echo "$va" | "$bin/pagemap" "$pid" | cut -d ' ' -f 2)
		ask rmap "$pa" || return
		if [ -e "$peer" ]; then
			insmod "$peer" address="$kva" || return
			rmmod memintro_peer || return
		fi
	} >"$tmp/used"
}

meminfo() { # KEY
	awk -v key="$1:" '$1 == key { print $2 }' /proc/meminfo
}
# Without the caches that files leave.
drop_caches() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
}
# By who asked for it; that is the kernel's Rust where its function is no jump.
in_vmalloc() {
	grep -cE '\[memintro\]|rust_helper_vrealloc' /proc/vmallocinfo
}

done=0 used=0 slowest=0
while [ "$done" -lt "$reloads" ]; do
	if [ "$done" -eq 3 ] && is_loaded; then
		# The first times fill what is kept for later.
		unload
		# What is freed late now would hide a leak.
		sleep 1
		drop_caches
		slab=$(meminfo SUnreclaim) vmalloc=$(meminfo VmallocUsed) percpu=$(meminfo Percpu)
		load || break
	fi
	use || break
	[ "$(wc -l <"$tmp/used")" -lt 50 ] || used=$((used + 1))
	if [ "$done" -eq 0 ]; then
		loaded=$(in_vmalloc)
	elif [ "$(in_vmalloc)" -gt "$slowest" ]; then
		slowest=$(in_vmalloc)
	fi
	unload || break
	done=$((done + 1))
	[ "$done" -eq "$reloads" ] || load || break
done
ktap_equal "times that succeeded" "$reloads" "$done"
ktap_equal "times that all files answered" "$reloads" "$used"
ktap_run "loaded, it has memory of vmalloc" [ "$loaded" -ge 1 ]
ktap_equal "never more than at first" "$loaded" "$slowest"

# An object of 64 KiB that is forgotten each time is twice what each time may add.
# What the kernel itself keeps, or frees late, does not grow with the times: so it is
# done again, until there were enough of them to tell. KASAN frees late, up to a
# thirty-second part of all memory; there kmemleak tells what leaks.
few() { # KEY KIB
	most=$(((done - 3) * 32))
	[ ! -e "$leaks" ] || [ "$1" != SUnreclaim ] || most=131072
	after=$(meminfo "$1")
	[ $((after - $2)) -lt $most ]
}
all_few() {
	drop_caches
	few SUnreclaim "$slab" && few VmallocUsed "$vmalloc" && few Percpu "$percpu" && [ "$(in_vmalloc)" -eq 0 ]
}
until all_few || [ "$done" -ge $((20 * reloads)) ]; do
	sleep 0.1
	{ load && use && unload; } || break
	done=$((done + 1))
done
ktap_equal "unloaded, it has none" 0 "$(in_vmalloc)"
grown() { # NAME KEY BEFORE
	few "$2" "$3"
	ktap_run "$1 has not grown" [ $((after - $3)) -lt $most ]
	ktap_diag "$1: $3 KiB after 3 times, $after after $done"
}
grown Slab SUnreclaim "$slab"
grown Vmalloc VmallocUsed "$vmalloc"
grown Percpu Percpu "$percpu"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
