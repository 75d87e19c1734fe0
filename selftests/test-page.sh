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
# of every kind is in use. Of free and reserved frames, and those inside of hugetlb
# pages, a 64th is asked for.
#
#	SPARSE=1 test-page.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
prepare_memory

ktap_plan 37
cd "$tmp" || exit 1

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

# Every frame, while memory of every kind is in use.
ramfs=$tmp/ramfs
mkdir "$ramfs"
mount -t ramfs none "$ramfs" && head -c 1M /dev/urandom >"$ramfs/file"

kinds="anon file shmem zero hugetlb slab pgtable buddy kernel reserved"
# shellcheck disable=SC2086 # one word per kind
set -- $kinds
ktap_run "every frame" "$bin/compare-page" --sparse "${SPARSE:-64}"
printf '%s\n' "$ktap_out" | tail -n 2 | while read -r line; do ktap_diag "$line"; done
seen=" $(printf '%s\n' "$ktap_out" | tail -n 1) "
for kind; do
	case $seen in
	*" $kind="*) ktap_run "there is $kind" true ;;
	*) ktap_run "there is $kind" false ;;
	esac
done
umount "$ramfs"
stop all
ktap_finish
