#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: a second module reads the record of memintro's kmalloc and vmalloc objects
# at the addresses that kmem shows, and finds the same physical addresses; a wrong
# address is an error, and does no harm.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
peer=${MEMINTRO_PEER_KO:-$here/peer/memintro_peer.ko}
[ -e "$peer" ] || ktap_skip_all "no $peer"
at_exit 'grep -q "^memintro_peer " /proc/modules && rmmod memintro_peer'

ktap_plan 19
log_mark
field() { # KIND COLUMN-NUMBER
	awk -v kind="$1" -v n="$2" '$1 == kind { print $n }' /proc/memintro/kmem
}

for kind in kmalloc vmalloc; do
	va=$(field "$kind" 2)
	ktap_run "$kind: insmod with its address" insmod "$peer" address="$va"
	line=$(log_since | sed -n 's/^.*memintro_peer: \(va=\)/\1/p' | tail -n 1)
	ktap_equal "$kind: both modules say the same" \
		"va=$va id=1530 value=50 pa_linear=$(field "$kind" 4) pa_walk=$(field "$kind" 5) agree=$(field "$kind" 8)" \
		"$line"
	ktap_run "$kind: rmmod" rmmod memintro_peer
done

wrong() { # NAME ADDRESS MESSAGE
	ktap_equal "$1" "$3" "$(insmod "$peer" address="$2" 2>&1 | sed 's/^.*: //')"
}
vmalloc=$(field vmalloc 2)
kmalloc=$(field kmalloc 2)
# vmalloc leaves a page unmapped behind each object. The shell computes with 63
# bits, so with the last 48 of the address.
high=${vmalloc%????????????}
guard=$high$(printf '%012x' $((0x${vmalloc#"$high"} + 65536)))
ktap_equal "behind the vmalloc object nothing is mapped" not-mapped "$(ask walk "kernel $guard" | key why)"
wrong "nothing mapped there" "$guard" "Bad address"
# arm64 has copy_from_kernel_nofault() try every address.
no_address="Invalid parameters"
[ "$(uname -m)" != aarch64 ] || no_address="Bad address"
wrong "not canonical" 0x8080000000000000 "$no_address"
wrong "the last address" 0xffffffffffffffff "Bad address"
wrong "a user address" 0x400000 "Invalid parameters"
wrong "no address" 0 "Invalid parameters"
wrong "no number" kmalloc "Invalid parameters"
wrong "no record there: inside the object" "${kmalloc%???}100" "No message of desired type"
wrong "no record there: one byte further" "${vmalloc%???}001" "No message of desired type"
ktap_run "none of them is left" sh -c '! grep -q "^memintro_peer " /proc/modules'
ktap_equal "one line in the log for each that worked" 2 \
	"$(log_since | grep -c 'memintro_peer: va=')"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_run "memintro works" "$bin/compare-tasks"
ktap_finish
