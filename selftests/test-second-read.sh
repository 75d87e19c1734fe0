#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a read of an open table does not wait, uninterruptibly, for another read
# that is stopped in the middle of its copy.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

ktap_plan 7
log_mark
for file in tasks vm heapmax kstack kmem layout; do
	# Only what hangs takes longer.
	got=$(timeout -k 1 "${LIMIT:-$((60 * slow))}" "$bin/converse" "/proc/memintro/$file" two-readers) || got=hangs
	case $got in 'EBUSY '* | 'EINTR '*) got="EBUSY or EINTR" ;; esac
	ktap_equal "$file" "EBUSY or EINTR" "$got"
done
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
