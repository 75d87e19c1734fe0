#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: /proc/memintro/kmem has a row for each kind of the module's own memory,
# agrees with walk and extents, and shows that the formula of the linear map holds for
# kmalloc and not for vmalloc.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

kinds="kmalloc vmalloc module-text module-data percpu kernel-stack"
ktap_plan 35
log_mark
take_kmem

ktap_equal "the header" "KIND VA SIZE_B PA_LINEAR PA_WALK PAGE RUNS AGREE" \
	"$(head -n 1 "$tmp/kmem" | awk '{ $1 = $1; print }')"
ktap_equal "the kinds, in their order" "$kinds" "$(column KIND <"$tmp/kmem" | paste -sd ' ' -)"

# Puts a row into variables, named as in the header.
row() { # KIND
	while read -r kind va size pa_linear pa_walk page runs agree; do
		[ "$kind" != "$1" ] || return 0
	done <"$tmp/kmem"
}

row kmalloc
ktap_equal "kmalloc: one piece, and the formula holds" "65536 1 yes" "$size $runs $agree"
ktap_equal "kmalloc: formula and tables say the same" "$pa_walk" "$pa_linear"
row vmalloc
ktap_equal "vmalloc: the formula does not hold" "65536 no" "$size $agree"
ktap_run "vmalloc: formula and tables differ" [ "$pa_walk" != "$pa_linear" ]
where() {
	head -n 4 "$1" | awk '{ print $1, $2, $3, $4, $5 }'
}
ktap_equal "the objects stay where they are" "$(where "$tmp/kmem")" "$(where /proc/memintro/kmem)"

for kind in $kinds; do
	# Once, some time after a load, the kernel maps a module's text by large pages
	# again: what is compared is what the table said both before and after.
	while :; do
		row "$kind"
		line=$(ask walk "kernel $va")
		mv "$tmp/kmem" "$tmp/before"
		take_kmem
		cmp -s "$tmp/before" "$tmp/kmem" && break
	done
	ktap_equal "$kind: PA_WALK and PAGE are walk's" "$pa_walk $page" \
		"$(printf '%s\n' "$line" | key pa) $(printf '%s\n' "$line" | key page)"
	ktap_equal "$kind: PA_LINEAR is walk's" "$pa_linear" "$(printf '%s\n' "$line" | key pa_linear)"
	# The whole address has more digits than a shell can count with.
	high=${va%???????}
	end=$high$(printf %07x $((0x${va#"$high"} + size - 1)))
	answer=$(ask extents "kernel $va-$end totals")
	ktap_equal "$kind: RUNS is that of extents, without a hole" "$runs 0" \
		"$(printf '%s\n' "$answer" | key runs) $(printf '%s\n' "$answer" | key hole_kb)"
done

# AGREE is about every byte: with more than one piece it cannot hold.
for kind in $kinds; do
	row "$kind"
	expected=no
	[ "$runs" != 1 ] || [ "$pa_linear" != "$pa_walk" ] || expected=yes
	ktap_equal "$kind: AGREE" "$expected" "$agree"
done

row vmalloc
ktap_equal "walk says of vmalloc what kmem says" no "$(ask walk "kernel $va" | key agree)"
# arm64 looks for a place near the kernel's image, among vmalloc's areas, first.
regions="linear vmalloc modules"
[ "$(uname -m)" != aarch64 ] || regions="linear vmalloc vmalloc"
ktap_equal "walk's regions of kmalloc, vmalloc and text" "$regions" \
	"$(for kind in kmalloc vmalloc module-text; do row $kind && ask walk "kernel $va"; done |
		key region | paste -sd ' ' -)"
row kernel-stack
ktap_equal "the stack is the reader's" \
	"$(awk -v tid=$$ '$1 == tid { print $4, $6 }' /proc/memintro/kstack)" "$va $size"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
