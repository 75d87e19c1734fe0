#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: /proc/memintro/vmas of every process equals its maps, to the last byte of
# odd names; its numbers for each mapping equal pagemap, and smaps where that counts the
# same.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
prepare_memory

ktap_plan 7
cd "$tmp" || exit 1
start odd "$bin/odd-maps" || ktap_diag <"$tmp/odd.err"
ktap_run "odd names" "$bin/compare-vmas" "$(pid_of odd)"
ktap_diag "$ktap_out"

# By eye, a few rows: the comparison undoes the escapes by a program of ours.
ask vmas "$(pid_of odd)" >"$tmp/rows"
names=$(column NAME <"$tmp/rows")
missing=
anon="[anon:two\\040words] [anon:] [anon_shmem:a\\040shared\\040one]"
if [ -s "$tmp/odd.err" ]; then
	ktap_diag <"$tmp/odd.err"
	anon=
fi
# shellcheck disable=SC2086 # one word per name
for name in $anon "$tmp/new\\012line" "$tmp/tab\\011here" "$tmp/back\\134slash\\040(deleted)" "$tmp/\\134012" "$tmp/two\\040words" \
	"$tmp/plain\\040(deleted)" "$tmp/not\\040deleted\\040(deleted)" '/memfd:x\040y\012\134z\040(deleted)' \
	'[heap]' '[stack]' '[vdso]' '[vvar]' -; do
	printf '%s\n' "$names" | grep -qxF -e "$name" || missing="$missing $name"
done
ktap_equal "names as they are escaped" "" "$missing"
ktap_equal "names of 4095 bytes" 2 "$(printf '%s\n' "$names" | awk 'length($0) >= 4095' | wc -l)"

start deep "$bin/odd-maps" 4200 || ktap_diag <"$tmp/deep.err"
ktap_equal "a path beyond PATH_MAX has no name" 'maps: 1, vmas: (name\040too\040long)' \
	"maps: $(awk 'length($6) == 4200' "/proc/$(pid_of deep)/maps" | wc -l), vmas: $(ask vmas "$(pid_of deep) $(word_of deep odd 2)" | column NAME)"
stop deep

start kinds "$bin/subject" || exit 1
ktap_run "every kind of page" "$bin/compare-vmas" "$(pid_of kinds)"
ktap_diag "$ktap_out"
without=
[ "$(wc -l </proc/swaps)" -gt 1 ] || without="swap_kb=0"
ktap_equal "of each kind there is some" "$without" \
	"$(printf '%s\n' "$ktap_out" | tail -n 1 | tr ' ' '\n' | grep '_kb=0$')"

start family "$bin/spawn" 30 || exit 1
ktap_run "every process" "$bin/compare-vmas"
ktap_diag "$ktap_out"
ktap_finish
