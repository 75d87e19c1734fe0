#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 5 s
#
# Property: page answers about virtual addresses what it does about the physical ones
# behind them: of files with the device and inode of stat and the offset of maps, of
# folios with their first page, of pages for DMA that they are pinned. What is no
# question is refused.
#
# Property: page says of every frame of this machine what /proc/kpageflags,
# kpagecount, kpagecgroup and zoneinfo say, and its totals are theirs, while memory
# of every kind is in use, and memory came and went. Of free and reserved frames, those
# inside of hugetlb pages, and those without a flag side by side, a 64th is asked for; with
# SPARSE=1 all, and all of them once more while processes come and go.
#
# With `memmap=256M!1G` on the kernel's command line there is a device's memory, with
# QEMU's virtio-mem some that a hypervisor keeps back.
#
#	SPARSE=1 test-page.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

ktap_plan 53
cd "$tmp" || exit 1

# The struct pages of hugetlb pages are freed where they say nothing new.
memmap() {
	awk '/^nr_memmap/ { pages += $2 } END { print pages + 0 }' /proc/vmstat
}
prepare_memory
before=$(memmap)
set_until_end /proc/sys/vm/hugetlb_optimize_vmemmap 1
need_hugepages 2048 32
if [ "$(cat /proc/sys/vm/hugetlb_optimize_vmemmap 2>&1)" = 1 ]; then
	ktap_run "there are hugetlb pages without most of their struct pages" [ "$(memmap)" -lt "$before" ]
else
	ktap_skip "there are hugetlb pages without most of their struct pages" "not in this kernel"
fi

# Every page of a file that this shell has mapped and that is present, unless it is a
# copy of its own. Answers go to a file: pipes would change what is mapped.
grep ' /' "/proc/$$/maps" >"$tmp/maps"
while read -r range _ offset _ _ path; do
	file=$(stat -c 'dev=%d inode=%i' "$path")
	start=$((0x${range%-*})) end=$((0x${range#*-})) offset=$((0x$offset))
	while [ $start -lt $end ]; do
		printf '%s 0x%x\n' $$ $start >>"$tmp/asked"
		printf '0x%x %s 0x%x\n' $start "$file" $offset
		start=$((start + page_size)) offset=$((offset + page_size))
	done
done <"$tmp/maps" >"$tmp/expected"
{
	cat "$tmp/asked" >&3
	cat <&3
} 3<>"$proc/page" >"$tmp/answers"
awk 'NR == FNR { expected[$1] = $2 " " $3 " offset=" $4; next }
	/ kind=(file|shmem) / {
		sub("va=", "", $2)
		got = $(NF - 2) " " $(NF - 1) " " $NF
		n++
		if (expected[$2] != got)
			print $2 ": " got ", not " expected[$2]
	}
	END { if (n < 10) print "only " n " pages" }' \
	"$tmp/expected" "$tmp/answers" >"$tmp/wrong"
ktap_equal "pages of files: device, inode and offset" "" "$(cat "$tmp/wrong")"

start all "$bin/subject" || exit 1
pid=$(pid_of all)
about() { # KIND KEY [OFFSET]
	about=$(word_of all "$1" 2)
	[ -n "$about" ] && ask page "$pid $(printf 0x%x $((about + ${3-0})))" | key "$2"
}
ktap_equal "anonymous memory" anon "$(about anon kind)"
ktap_equal "... mapped once" 1 "$(about anon maps)"
ktap_equal "... its folio is a page" "$page_name" "$(about anon folio)"
ktap_equal "shared memory" shmem "$(about shmem kind)"
ktap_equal "... its offset has that inside the page" 0x1123 "$(about memfd offset $((0x1123)))"
ktap_equal "the zero page" zero "$(about zero kind)"
case $(word_of all thp 2) in
'')
	ktap_skip "a huge page" "there is none"
	ktap_skip "... its folio" "there is none"
	ktap_skip "... its first page" "there is none"
	;;
*)
	ktap_equal "a huge page" anon "$(about thp kind)"
	ktap_equal "... its folio" 2M "$(about thp folio $((0x5123)))"
	ktap_equal "... its first page" "$(about thp pa)" "$(about thp head $((0x5123)))"
	;;
esac
if [ -n "$(word_of all hugetlb-2m 2)" ]; then
	ktap_equal "hugetlb" "hugetlb 2M" "$(about hugetlb-2m kind) $(about hugetlb-2m folio)"
else
	ktap_skip "hugetlb" "there is none"
fi
if [ -d /sys/kernel/mm/ksm ]; then
	ktap_equal "merged by KSM" "ksm 16" "$(about ksm kind) $(about ksm maps)"
else
	ktap_skip "merged by KSM" "not in this kernel"
fi
va=$(word_of all anon 2)
pa=$(echo "${va%000}123" | "$bin/pagemap" "$pid" | cut -d ' ' -f 2)
ktap_equal "by its physical address" "$(ask page "$pa")" \
	"$(ask page "$pid ${va%000}123" | sed "s/^pid=$pid va=${va%000}123 //")"
ktap_equal "no mapping" "$(no_vma $$ 0x1000)" "$(ask page "$$ 0x1000")"
ktap_equal "no memory" none "$(ask page 0xffffffffff123 | key kind)"
ktap_equal "the last address" none "$(ask page 0xffffffffffffffff | key kind)"

if start pin "$bin/pin" 2>/dev/null; then
	ktap_equal "pinned for DMA" "yes no" "$(ask page "$(pid_of pin) $(word_of pin pinned 2)" | key pinned) \
$(ask page "$(pid_of pin) $(word_of pin other 2)" | key pinned)"
else
	ktap_skip "pinned for DMA" "$(cat "$tmp/pin.err")"
fi

take_kmem
va=$(awk '$1 == "kmalloc" { print $2 }' "$tmp/kmem") pa=$(awk '$1 == "kmalloc" { print $5 }' "$tmp/kmem")
ktap_equal "kernel memory" "$pa kernel" "$(ask page "kernel $va" | key pa) $(ask page "kernel $va" | key kind)"
ktap_equal "kernel memory without CAP_SYSLOG" "pid=kernel va=$va pa=none error=EPERM why=need-cap-syslog" \
	"$(without syslog sh -c ". \"$here/lib-ask.sh\"; ask page \"kernel $va\"")"

pages=$(($(ask page "0x1234-0x1235 totals" | tr ' ' '\n' | sed -n 's/^kb_[a-z]*=//p' | paste -sd + -)))
ktap_equal "totals of a part of a page are of the page" $((page_size / 1024)) "$pages"
for question in "" "$pid" "0x1000-0x2000" "0x1000 totals" "$pid 0x1000 levels"; do
	case $question in "$pid") why=need-0x ;; *) why=not-a-question ;; esac
	name=$(echo "$question" | sed "s/^$pid/PID/")
	ktap_equal "refused: $name" "$(bad $why)" "$(ask page "$question")"
done
ktap_equal "refused: a range that is none" "$(bad not-an-address)" "$(ask page "0x2000-0x1000 totals")"
ktap_equal "a process that is none" "pid=2147483647 va=0x1000 pa=none error=ESRCH why=no-process" \
	"$(ask page "2147483647 0x1000")"
stop pin

# Memory that is not in use, or not the kernel's own: only its kinds, with their sizes.
kinds_of() { # START SIZE
	ask page "$(printf '0x%x-0x%x' "$1" $(($1 + $2))) totals" | tr ' ' '\n' |
		sed -n 's/^kb_\(.*\)=\([1-9].*\)/\1 \2/p' | paste -sd ' ' -
}
blocks=/sys/devices/system/memory
size=$(cat $blocks/block_size_bytes 2>/dev/null)
offline=
for block in $(printf '%s\n' $blocks/memory[0-9]* | sort -Vr); do
	[ -z "$offline" ] && echo offline 2>/dev/null >"$block/state" && offline=$block
done
if [ -n "$offline" ]; then
	size=$((0x$size))
	at=$((0x$(cat "$offline/phys_index") * size))
	about=$(ask page "$(printf 0x%x $at)")
	ktap_equal "offline memory" "offline $((size / 1024))" "$(kinds_of $at $size)"
	ktap_equal "... its first page" "offline - -" "$(for key in kind flags node; do echo "$about" | key $key; done | paste -sd ' ' -)"
	# It stays so until every frame was asked for.
	at_exit "echo online >$offline/state"
else
	for name in "offline memory" "... its first page"; do
		ktap_skip "$name" "no memory can be taken offline here"
	done
fi

kinds="anon file shmem zero hugetlb slab pgtable buddy kernel reserved"
[ ! -d /sys/kernel/mm/ksm ] || kinds="$kinds ksm"
[ -z "$offline" ] || kinds="$kinds offline"
if [ -z "$(cannot_have hwpoison)" ]; then
	start failed "$bin/subject" hwpoison
	# 4: this kernel cannot. Whatever else goes wrong, it has to be seen.
	[ $? = 4 ] || kinds="$kinds poisoned"
fi

# A device's memory: nobody's before it has a driver; then it may be hot-plugged.
drivers=/sys/bus/dax/drivers
bind() { # DRIVER
	[ ! -e $drivers/device_dax/dax0.0 ] || echo dax0.0 >$drivers/device_dax/unbind
	[ ! -e $drivers/kmem/dax0.0 ] || echo dax0.0 >$drivers/kmem/unbind
	{ echo dax0.0 >$drivers/"$1"/new_id && echo dax0.0 >$drivers/"$1"/bind; } 2>/dev/null
	[ -e $drivers/"$1"/dax0.0 ]
}
at=$((1 << 30)) size=$((1 << 28)) half=$((1 << 27))
if grep -q '^40000000-4fffffff : Persistent Memory (legacy)' /proc/iomem; then
	kb=$((size / 1024))
	ktap_equal "memory that no driver has" "none $kb" "$(kinds_of $at $size)"
	modprobe -a nd_e820 nd_pmem dax_pmem device_dax kmem
	ktap_equal "of a block device" "device $kb" "$(kinds_of $at $size)"
	region=/sys/bus/nd/devices/dax0.0
	echo namespace0.0 >/sys/bus/nd/drivers/nd_pmem/unbind
	echo ram >$region/mode && cat /proc/sys/kernel/random/uuid >$region/uuid
	echo namespace0.0 >$region/namespace && echo dax0.0 >/sys/bus/nd/drivers/dax_pmem/bind
	bind device_dax
	ktap_equal "of a device for programs" "device $kb" "$(kinds_of $at $size)"
	# The first block of it has no room for what describes the memory. Nobody takes a
	# page of the rest: the kernel puts new memory at the end of its free lists.
	bind kmem
	block=$blocks/memory$(((at + half) / 0x$(cat $blocks/block_size_bytes)))
	ktap_equal "hot-plugged" "buddy $((half / 1024)) none $((half / 1024))" "$(kinds_of $at $size)"
	echo offline >"$block/state"
	ktap_equal "offline before it goes" "offline $((half / 1024)) none $((half / 1024))" "$(kinds_of $at $size)"
	echo dax0.0 >$drivers/kmem/unbind
	ktap_equal "unplugged" "none $kb" "$(kinds_of $at $size)"
	bind device_dax
	kinds="$kinds device"
else
	for name in "memory that no driver has" "of a block device" "of a device for programs" \
		"hot-plugged" "offline before it goes" "unplugged"; do
		ktap_skip "$name" "the machine has no such memory"
	done
fi
offline_kb() {
	ask page "0x0-0xffffffffffffffff totals" | key kb_offline
}
before=$(offline_kb)
if grep -qs 0x0018 /sys/bus/virtio/devices/*/device; then
	modprobe virtio_mem
	# It has 200 MiB of the two blocks that it needs; a worker plugs them in.
	wait=0
	until kept=$(($(offline_kb) - before)) && [ $kept = $((56 << 10)) ] || [ $((wait += 1)) -gt 3000 ]; do
		sleep 0.1
	done
	ktap_equal "what the hypervisor keeps back" $((56 << 10)) $kept
else
	ktap_skip "what the hypervisor keeps back" "the machine has no such memory"
fi

# Every frame, while memory of every kind is in use.
ramfs=$tmp/ramfs
mkdir "$ramfs"
mount -t ramfs none "$ramfs" && head -c 1M /dev/urandom >"$ramfs/file"

ktap_run "every frame" "$bin/compare-page" --sparse "${SPARSE:-64}"
printf '%s\n' "$ktap_out" | tail -n 2 | while read -r line; do ktap_diag "$line"; done
seen=" $(printf '%s\n' "$ktap_out" | tail -n 1) "
for kind in anon file shmem zero hugetlb slab pgtable buddy kernel reserved ksm offline poisoned device; do
	case $kinds,$seen in
	*"$kind"*,*" $kind="*) ktap_run "there is $kind" true ;;
	*"$kind"*,*) ktap_run "there is $kind" false ;;
	*) ktap_skip "there is $kind" "not here" ;;
	esac
done
if [ "${SPARSE-}" = 1 ]; then
	while :; do
		head -c 64M /dev/urandom >"$tmp/moving"
		"$bin/subject" </dev/null >/dev/null 2>&1
	done &
	moving=$!
	ktap_run "every frame, while processes come and go" "$bin/compare-page" --moving
	kill $moving
	ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 2)"
else
	ktap_skip "every frame, while processes come and go" "SPARSE=1 asks for it"
fi
umount "$ramfs"
stop all
ktap_finish
