#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 37 s
#
# Property: page says of every frame of this machine what /proc/kpageflags,
# kpagecount, kpagecgroup and zoneinfo say, and its totals are theirs, while memory
# of every kind is in use. Of free frames each 64th is asked for.
#
#	FREE=1 test-page-frames.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
prepare_memory
cd "$tmp" || exit 1

start all "$bin/subject" || exit 1
ramfs=$tmp/ramfs
mkdir "$ramfs"
mount -t ramfs none "$ramfs" && head -c 1M /dev/urandom >"$ramfs/file"

kinds="anon file shmem zero hugetlb slab pgtable buddy kernel reserved"
# shellcheck disable=SC2086 # one word per kind
set -- $kinds
ktap_plan $(($# + 1))
ktap_run "every frame" "$bin/compare-page" --free "${FREE:-64}"
printf '%s\n' "$ktap_out" | tail -n 2 | while read -r line; do ktap_diag "$line"; done
seen=" $(printf '%s\n' "$ktap_out" | tail -n 1) "
for kind; do
	case $seen in
	*" $kind="*) ktap_run "there is $kind" true ;;
	*) ktap_run "there is $kind" false ;;
	esac
done
umount "$ramfs"
ktap_finish
