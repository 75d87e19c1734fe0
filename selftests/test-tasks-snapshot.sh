#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a table is a snapshot: the first read generates it, a read at offset 0
# regenerates it, and tools may read it in pieces of any size and from any offset.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

tasks=/proc/memintro/tasks
start family "$bin/spawn" 200 || exit 1

# check-snapshot reports 9 properties of the file.
ktap_plan 20
"$bin/check-snapshot" "$tasks" >"$tmp/properties"
while read -r result; do
	case $result in
	"not ok "*) ktap_not_ok "${result#not ok }" ;;
	"ok "*) ktap_ok "${result#ok }" ;;
	esac
done <"$tmp/properties"

# The rows of the processes that do nothing, in the order of the file.
still() { # FILE
	awk 'NR == FNR { live[$2]; next } $1 in live' "$tmp/family.out" "$1"
}
cat "$tasks" >"$tmp/cat"
still "$tmp/cat" >"$tmp/expected"
ktap_equal "cat shows all" 200 "$(wc -l <"$tmp/expected")"

# One result: a tool reads the same rows, and does not complain.
reads() { # NAME COMMAND...
	name=$1
	shift
	"$@" >"$tmp/got" 2>"$tmp/complaint"
	still "$tmp/got" | cmp - "$tmp/expected" >>"$tmp/complaint" 2>&1
	ktap_equal "$name" "" "$(cat "$tmp/complaint")"
}
reads "dd by single bytes" dd if="$tasks" bs=1 status=none
reads "dd by 7 bytes" dd if="$tasks" bs=7 status=none
reads "dd by 1 MiB" dd if="$tasks" bs=1M status=none
reads "tail from the first line on" tail -n +1 "$tasks"
reads "cp and cat" sh -c "cp $tasks '$tmp/copy' && cat '$tmp/copy'"
reads "head of all lines" head -n 100000 "$tasks"
reads "busybox cat" busybox cat "$tasks"

ktap_equal "head -n 1 is the header, without a complaint" \
	"PID PPID UID STATE THREADS COMM" "$(head -n 1 "$tasks" 2>&1 | tr -s ' ' | sed 's/ $//')"
# The last process is this very tail, or what runs beside it.
ktap_equal "tail -n 1 is one row, without a complaint" "1 6" \
	"$(tail -n 1 "$tasks" 2>&1 | awk '{ n = NF } END { print NR, n }')"
# head seeks back to the end of the fifth line; the family's rows come later.
reads "head leaves the rest to the next reader" \
	sh -c "{ head -n 5 >'$tmp/copy' && cat; } <$tasks"
ktap_finish
