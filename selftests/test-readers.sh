#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: a read into memory that is unmapped, wholly or in part, fails with EFAULT or
# returns what fitted, and loses nothing: the next read returns the rest. A write from
# such memory fails with EFAULT and changes nothing. This holds for every file.
#
# Property: a read of an open table does not wait, uninterruptibly, for another read
# that is stopped in the middle of its copy.
#
# Property: a reader of any file that is killed, in the middle of a read or at any other
# moment, exits, and loses only what it had read: no bytes for the next reader of the
# descriptor, and no kernel memory.
#
#	SECONDS_LONG=60 test-readers.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-stress.sh
. "$here/lib-stress.sh"
need_reloadable_module

ktap_plan 14

# Aging by page tables clears `accessed` in entries, and answers that are compared would differ.
aging=/sys/kernel/mm/lru_gen/enabled
if [ -e $aging ]; then
	at_exit "echo $(cat $aging) >$aging"
	echo 0 >$aging
fi

# Bad memory.
log_mark
for what in tables conversations sysfs writes; do
	ktap_run "$what: bad memory is EFAULT, and nothing is lost" "$bin/bad-buffer" "$what"
	ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
done

# A second reader.
for file in tasks vm heapmax kstack kmem layout; do
	# Only what hangs takes longer.
	got=$(timeout -k 1 "${LIMIT:-$((60 * slow))}" "$bin/converse" "/proc/memintro/$file" two-readers) || got=hangs
	case $got in 'EBUSY '* | 'EINTR '*) got="EBUSY or EINTR" ;; esac
	ktap_equal "two readers: $file" "EBUSY or EINTR" "$got"
done

# A killed reader. The first ones fill the caches.
"$bin/kill-readers" --kills 10 >/dev/null 2>&1
memory_mark
ktap_run "readers are killed, and nothing is lost" \
	"$bin/kill-readers" --kills "${KILLS:-50}" --seconds "${SECONDS_LONG:-0}"
ktap_diag "$(printf '%s\n' "$ktap_out" | tail -n 1)"
memory_back "no memory is lost" 4096
ktap_run "the module can be unloaded" unload
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
