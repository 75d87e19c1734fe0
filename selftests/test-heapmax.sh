#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: /proc/memintro/heapmax shows the process with the largest heap and its exact
# size, of several the one with the lowest PID, in the PID namespace of the mount.
#
# /proc shows the end of a heap only to within a page, so the exact cases use processes
# that report their own break.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

heapmax=/proc/memintro/heapmax

row() {
	awk 'NR == 2 { print $1, $2, $3 }' "$heapmax"
}

ktap_plan 9
ktap_run "before: not smaller than any heap in /proc" heapmax_is_right

# Larger than any other heap, and not a multiple of the page size.
size=$(($(awk '$9 + 0 > most { most = $9 } END { print most }' /proc/memintro/vm) + 67108864 + 12345))
start first "$bin/heap" "$size" || exit 1
first=$(word_of first heap 2)
ktap_equal "the largest, to the byte" "$first $size heap" "$(row)"
ktap_run "it agrees with /proc" heapmax_is_right

start second "$bin/heap" "$size" || exit 1
second=$(word_of second heap 2)
# Where the PIDs have wrapped round, the second may be the lower one.
lowest=$first
[ "$second" -gt "$first" ] || lowest=$second
ktap_equal "of two equals, the lowest PID" "$lowest $size heap" "$(row)"

start third "$bin/heap" "$((size + 1))" || exit 1
ktap_equal "one byte more decides" "$(word_of third heap 2) $((size + 1)) heap" "$(row)"
stop third
stop first
ktap_equal "of two equals, the one that lives on" "$second $size heap" "$(row)"

start inside unshare --pid --fork --mount-proc "$bin/heap" "$((size + 5))" || exit 1
init=$(pgrep -P "$(pid_of inside)")
ktap_equal "a process of another namespace, by its PID here" "$init $((size + 5)) heap" "$(row)"
heapmax=/proc/$init/root/proc/memintro/heapmax
ktap_equal "through the mount of that namespace" "1 $((size + 5)) heap" "$(row)"
stop inside

heapmax=/proc/memintro/heapmax
stop second
ktap_run "after: not smaller than any heap in /proc" heapmax_is_right
ktap_finish
