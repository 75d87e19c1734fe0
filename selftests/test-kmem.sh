#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: /proc/memintro/kmem has a row for each kind of the module's own
# memory, says of it what walk and extents say, and shows that the formula of
# the linear map holds for kmalloc and does not for vmalloc.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

kinds="kmalloc vmalloc module-text module-data percpu kernel-stack"
ktap_plan 35
log_mark
# Read by this shell itself: the kernel stack is that of the reader, and must
# live while walk is asked about it.
while read -r row; do
	printf '%s\n' "$row"
done </proc/memintro/kmem >"$tmp/kmem"

ktap_equal "the header" "KIND VA SIZE_B PA_LINEAR PA_WALK PAGE RUNS AGREE" \
	"$(head -n 1 "$tmp/kmem" | awk '{ $1 = $1; print }')"
ktap_equal "the kinds, in their order" "$kinds" "$(column KIND <"$tmp/kmem" | paste -sd ' ' -)"

field() { # KIND COLUMN
	{
		head -n 1 "$tmp/kmem"
		grep "^$1 " "$tmp/kmem"
	} | column "$2"
}

ktap_equal "kmalloc: one piece, and the formula holds" "65536 1 yes" \
	"$(field kmalloc SIZE_B) $(field kmalloc RUNS) $(field kmalloc AGREE)"
ktap_equal "kmalloc: formula and tables say the same" "$(field kmalloc PA_WALK)" \
	"$(field kmalloc PA_LINEAR)"
ktap_equal "vmalloc: the formula does not hold" "65536 no" \
	"$(field vmalloc SIZE_B) $(field vmalloc AGREE)"
ktap_run "vmalloc: formula and tables differ" \
	[ "$(field vmalloc PA_WALK)" != "$(field vmalloc PA_LINEAR)" ]
ktap_equal "the objects stay where they are" "$(head -n 4 "$tmp/kmem")" \
	"$(head -n 4 /proc/memintro/kmem)"

for kind in $kinds; do
	va=$(field "$kind" VA)
	line=$(ask walk "kernel $va")
	ktap_equal "$kind: PA_WALK and PAGE are walk's" "$(field "$kind" PA_WALK) $(field "$kind" PAGE)" \
		"$(printf '%s\n' "$line" | key pa) $(printf '%s\n' "$line" | key page)"
	ktap_equal "$kind: PA_LINEAR is walk's" "$(field "$kind" PA_LINEAR)" \
		"$(printf '%s\n' "$line" | key pa_linear)"
	# The objects are page-aligned, but for percpu, which is smaller than a
	# page; the end is computed on the low digits alone.
	end=$(awk -v va="$va" -v size="$(field "$kind" SIZE_B)" 'BEGIN {
		high = substr(va, 1, length(va) - 7)
		low = substr(va, length(va) - 6)
		n = 0
		for (i = 1; i <= 7; i++)
			n = n * 16 + index("0123456789abcdef", substr(low, i, 1)) - 1
		printf "%s%07x\n", high, n + size - 1
	}')
	answer=$(ask extents "kernel $va-$end totals")
	ktap_equal "$kind: RUNS is that of extents, without a hole" "$(field "$kind" RUNS) 0" \
		"$(printf '%s\n' "$answer" | key runs) $(printf '%s\n' "$answer" | key hole_kb)"
done

# AGREE is about every byte: with more than one piece it cannot hold.
for kind in $kinds; do
	expected=no
	[ "$(field "$kind" RUNS)" != 1 ] ||
		[ "$(field "$kind" PA_LINEAR)" != "$(field "$kind" PA_WALK)" ] || expected=yes
	ktap_equal "$kind: AGREE" "$expected" "$(field "$kind" AGREE)"
done

ktap_equal "walk says of vmalloc what kmem says" no \
	"$(ask walk "kernel $(field vmalloc VA)" | key agree)"
# arm64 looks for a place near the kernel's image, among vmalloc's areas, first.
regions="linear vmalloc modules"
[ "$(uname -m)" != aarch64 ] || regions="linear vmalloc vmalloc"
ktap_equal "walk's regions of kmalloc, vmalloc and text" "$regions" \
	"$(for kind in kmalloc vmalloc module-text; do ask walk "kernel $(field $kind VA)"; done |
		key region | paste -sd ' ' -)"
ktap_equal "the stack is the reader's" \
	"$(awk -v tid=$$ '$1 == tid { print $4, $6 }' /proc/memintro/kstack)" \
	"$(field kernel-stack VA) $(field kernel-stack SIZE_B)"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
