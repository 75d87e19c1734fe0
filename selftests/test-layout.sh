#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: the regions of layout follow each other without a gap, from the first
# address to the last, and are where the program headers of /proc/kcore have them.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
[ -r /proc/kcore ] || ktap_skip_all "no /proc/kcore"

ktap_plan 6
ktap_run "as kcore has it" "$bin/compare-layout"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
cat /proc/memintro/layout >"$tmp/layout"
ktap_diag <"$tmp/layout"
first=$(column REGION <"$tmp/layout" | head -n 2 | paste -sd ' ' -)
ktap_equal "the user's half, and the hole" "user hole" "$first"
ktap_equal "it begins at 0" 0x0 "$(column START <"$tmp/layout" | head -n 1)"
ktap_equal "it ends at the end" 0xffffffffffffffff "$(column END <"$tmp/layout" | tail -n 1)"
for name in linear vmemmap vmalloc text; do
	column REGION <"$tmp/layout" | grep -qx $name || echo $name
done >"$tmp/missing"
ktap_equal "no region is missing" "" "$(cat "$tmp/missing")"
# The second reading may see more memory mapped, but no other place.
ktap_equal "it stays" "$(awk '{ print $1, $2, $3 }' "$tmp/layout")" \
	"$(awk '{ print $1, $2, $3 }' /proc/memintro/layout)"
ktap_finish
