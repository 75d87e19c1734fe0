#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: which addresses are the user's, the kernel's and nobody's follows
# the paging mode of the running kernel (four or five levels): the last user
# address is a valid question, the first one above is refused.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

# The same subject's answer before each question: nothing stale can pass.
ask() { # ADDRESS
	put '\n' >/dev/null
	got=$(put "$$ $1\n")
	case $got in
	ok*) get ;;
	*) echo "$got" ;;
	esac
}

ktap_plan 12
if grep -qw la57 /proc/cpuinfo; then
	ktap_diag "five levels"
	bits=57 above=no-vma
else
	ktap_diag "four levels"
	bits=48 above=EINVAL
fi
ktap_equal "address 0 is a user's" no-vma "$(ask 0x0)"
ktap_equal "address 1 is a user's" no-vma "$(ask 0x1)"
ktap_equal "the page below the 47-bit border" no-vma "$(ask 0x7ffffffff000)"
ktap_equal "the last 47-bit address, which can never be mapped" no-vma "$(ask 0x7fffffffffff)"
ktap_equal "the first address above 47 bits" "$above" "$(ask 0x800000000000)"
ktap_equal "an address of 52 bits" "$above" "$(ask 0x8000000000000)"
ktap_equal "the last 56-bit address" "$above" "$(ask 0xffffffffffffff)"
ktap_equal "the first address above 56 bits" EINVAL "$(ask 0x100000000000000)"
ktap_equal "the last address below the kernel's $bits-bit half" EINVAL \
	"$(if [ $bits = 57 ]; then ask 0xfeffffffffffffff; else ask 0xffff7fffffffffff; fi)"
ktap_equal "the first address of the kernel's half" EINVAL \
	"$(if [ $bits = 57 ]; then ask 0xff00000000000000; else ask 0xffff800000000000; fi)"
ktap_equal "the last of all addresses" EINVAL "$(ask 0xffffffffffffffff)"
# A mapping there is answered like any other: test-walk-pages has the kind
# `high`; here, that a process without one does not get somebody else's.
ktap_equal "a valid question after all these" no-vma "$(ask 0x1000)"
ktap_finish
