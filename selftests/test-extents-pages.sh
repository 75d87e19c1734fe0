#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 8 s
#
# Property: for every process, whole and in random ranges, /proc/memintro/extents says
# for each page what pagemap says; no two rows could have been one; the last line is the
# sum of the rows. The folios of each mapping are those of kpageflags, and its NUMA nodes
# those of numa_maps.
#
#	RANGES=N SEED=N test-extents-pages.sh

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
prepare_memory
cd "$tmp" || exit 1

ranges=${RANGES:-3}
seed=${SEED:-1}
start all "$bin/subject" --interleave || exit 1

# Kinds that do not fit in one process with the others have a process of their own.
alone=
for kind in $("$bin/subject" --list | cut -d ' ' -f 1); do
	grep -q "^$kind " "$tmp/all.out" || alone="$alone $kind"
done
# shellcheck disable=SC2086 # one word per kind
set -- $alone
ktap_plan $((5 + $#))

ktap_run "a process with every kind of page" \
	"$bin/compare-extents" --ranges $((10 * ranges)) --seed "$seed" "$(pid_of all)"
ktap_diag "$ktap_out"
pages=$(printf '%s\n' "$ktap_out" | sed -n 's/.*pages=\([0-9]*\).*/\1/p')
seen="$(printf '%s\n' "$ktap_out" | sed -n 's/^frames of .*: //p') "
ktap_equal "... among them folios of each size" "" "$(for kb in 16 64 2048; do
	[ -e "$thp/hugepages-${kb}kB" ] || continue
	# With pages of 16K those of 2M are made in its place (lib-memory.sh).
	[ "$kb,$page_size" != 64,16384 ] || continue
	name=${kb}k
	[ "$kb" -lt 1024 ] || name=$((kb / 1024))m
	case $seen in *"folio_${name}_kb "*) ;; *) echo "$name" ;; esac
done)"
ktap_equal "... on every node" "" "$(for node in /sys/devices/system/node/node[0-9]*; do
	[ -e "$node" ] || continue
	case $seen in *"${node##*/}_kb "*) ;; *) echo "${node##*/}" ;; esac
done)"
start family "$bin/spawn" 10 || exit 1
start shared "$bin/shared" || exit 1
# That one was compared.
stop all
ktap_run "every process" "$bin/compare-extents" --ranges "$ranges" --seed "$seed"
ktap_diag "$ktap_out"
ktap_run "the pages of all kinds were compared" [ "$pages" -ge 3000 ]
stop shared
stop family

for kind; do
	name="$kind: page by page"
	reason=$(cannot_have "$kind")
	if [ -n "$reason" ]; then
		ktap_skip "$name" "$reason"
		continue
	fi
	start alone "$bin/subject" "$kind"
	case $? in
	0)
		ktap_run "$name" "$bin/compare-extents" --ranges "$ranges" --seed "$seed" "$(pid_of alone)"
		ktap_diag "$ktap_out"
		;;
	4) ktap_skip "$name" "$(cat "$tmp/alone.err")" ;;
	*)
		ktap_diag <"$tmp/alone.err"
		ktap_not_ok "$name"
		;;
	esac
	stop alone
done
ktap_finish
