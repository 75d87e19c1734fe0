#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 9 s
#
# Property: rmap of a page lists exactly the processes and addresses that a scan of
# every /proc/PID/pagemap finds, in their order, at the same offset in the page: for
# pages shared in every way, for each kind of page, and for random ones of all present
# pages. rmap of a range has what the pages in it have together; and the kernel's own
# mappings of a page are those that a scan of extents finds.
#
#	RMAPS=N SEED=N test-rmap.sh
#
# Property: a physical address that no process maps has no row: page 0, a page table,
# kernel memory, no memory at all. What is not a physical address is refused.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
prepare_memory

ktap_plan 34

# Pages that are mapped.
cd "$tmp" || exit 1

# KSM merges equal pages of processes that ask for it, in its second round.
ksm=/sys/kernel/mm/ksm
set_until_end $ksm/pages_to_scan 10000
set_until_end $ksm/sleep_millisecs 10
set_until_end $ksm/smart_scan 0
set_until_end $ksm/run 1

start shared "$bin/shared" || exit 1
ktap_diag <"$tmp/shared.err"
[ ! -e $ksm/run ] || echo 0 >$ksm/run

kinds="anon file shmem thp hugetlb zero ksm"
# shellcheck disable=SC2086 # one word per kind
set -- $kinds
for kind; do
	name="$kind: a page of three processes"
	if ! grep -q "^$kind " "$tmp/shared.out"; then
		ktap_skip "$name" "$(grep " no $kind " "$tmp/shared.err")"
		continue
	fi
	pid=$(word_of shared "$kind" 2)
	va=$(word_of shared "$kind" 3)
	# Its first page, and the sixth: in a huge page a small one inside.
	# shellcheck disable=SC2016 # the inner shell expands them
	ktap_run "$name" sh -c '
		out=$("$1" --at-least 2 "$2" "$3" "$2" "$4") && echo "$out" &&
			[ "$(echo "$out" | sed -n "s/.* most=\([0-9]*\).*/\1/p")" -ge 3 ]' \
		sh "$bin/compare-rmap" "$pid" "$va" "$(printf '0x%x' $((va + 5 * page_size)))"
	ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
done

start all "$bin/subject" || exit 1
# Whatever of each range is present: its last page.
while read -r kind va length; do
	[ "$kind" != ready ] || continue
	va=$(printf '0x%x' $((va + length - page_size)))
	case $(echo "$va" | "$bin/pagemap" "$(pid_of all)") in
	*" 0x"*) echo "$(pid_of all) $va" ;;
	esac
done <"$tmp/all.out" >"$tmp/places"
places=$(wc -l <"$tmp/places")
# shellcheck disable=SC2046 # a process and an address each
ktap_run "a page of each kind" "$bin/compare-rmap" --at-least "$places" $(cat "$tmp/places")
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
ktap_run "of 20 kinds at least" [ "$places" -ge 20 ]

start family "$bin/spawn" 20 || exit 1
samples=${RMAPS:-10}
ktap_run "random pages" "$bin/compare-rmap" --samples "$samples" --seed "${SEED:-1}" \
	--at-least $((samples * 9 / 10))
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"

ranges=$(printf '%s\n' "$ktap_out" | sed -n 's/.* ranges=\([0-9]*\).*/\1/p')
ktap_run "... and ranges around them" [ "${ranges:-0}" -ge $((samples / 2)) ]
ktap_run "the kernel's mappings" "$bin/compare-rmap" --kernel "$samples" --seed "${SEED:-1}"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"

# By hand, without a program of ours between.
va=$(word_of all anon 2)
pa=$(echo "${va%000}123" | "$bin/pagemap" "$(pid_of all)" | cut -d ' ' -f 2)
ktap_equal "the answer's text" "PID VA PAGE PERM COMM
$(pid_of all) ${va%000}123 $page_name rw-u subject
# end pa=$pa rows=1 outside=0 busy=0" "$(ask rmap "$pa")"
end=$(printf 0x%x $((pa / page_size * page_size + page_size)))
ktap_equal "... about a range" "PID KB COMM
$(pid_of all) $((page_size / 1024)) subject
# end pa=${pa%123}000-$end rows=1 outside=0 busy=0 kb=$((page_size / 1024)) outside_kb=0" \
	"$(ask rmap "$pa-$(printf 0x%x $((pa + 1)))")"
stop shared
stop all
stop family

# Addresses that nobody maps, and questions.
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
