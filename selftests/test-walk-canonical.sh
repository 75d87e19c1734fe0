#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: which addresses belong to the user, to the kernel, or to neither follows the
# paging mode of the running kernel (four or five levels): the last user address is a
# valid question, the first one above is refused. The tag of an address is removed if
# system calls ignore it: on arm64.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

# The same subject's answer before each question: nothing stale can pass.
said() { # ADDRESS
	put '\n' >/dev/null
	got=$(put "$$ $1\n")
	case $got in
	ok*) get ;;
	*) echo "$got" ;;
	esac
}
# Shells compute with 64 bits.
hex() { # NUMBER
	printf '0x%x' "$1"
}

ktap_plan 17
# What mmap lets a process have.
bits=$("$bin/subject" --bits)
case $(uname -m) in
x86_64) fewer=47 tagged=EINVAL ;;
*)
	fewer=48 tagged=no-vma
	[ "$page_size" != 16384 ] || fewer=47
	;;
esac
above=no-vma
[ "$bits" != $fewer ] || above=EINVAL
ktap_diag "user addresses have $bits bits"
case $bits in
47 | 48 | 52 | 56) ktap_ok "four or five levels" ;;
*) ktap_not_ok "four or five levels" ;;
esac
ktap_equal "address 0 is a user's" no-vma "$(said 0x0)"
ktap_equal "address 1 is a user's" no-vma "$(said 0x1)"
ktap_equal "the page below the border of four levels" no-vma "$(said "$(hex $(((1 << fewer) - page_size)))")"
ktap_equal "the last address below it" no-vma "$(said "$(hex $(((1 << fewer) - 1)))")"
ktap_equal "the first address above it" $above "$(said "$(hex $((1 << fewer)))")"
ktap_equal "the last user address" no-vma "$(said "$(hex $(((1 << bits) - 1)))")"
ktap_equal "the first address above" EINVAL "$(said "$(hex $((1 << bits)))")"
ktap_equal "the last address below the kernel's half" EINVAL "$(said "$(hex $(((-1 << bits) - 1)))")"
ktap_equal "the first address of the kernel's half" EINVAL "$(said "$(hex $((-1 << bits)))")"
ktap_equal "the last of all addresses" EINVAL "$(said 0xffffffffffffffff)"
ktap_equal "a tag in the top byte" "$tagged" "$(said 0x5a00000000001000)"
ktap_equal "bit 63 alone" "$tagged" "$(said 0x8000000000001000)"
ktap_equal "a tag in the top byte, and bit 55" EINVAL "$(said 0x5aff000000001000)"
# A mapping there is answered like any other: test-walk-pages has the kind
# `high`; here, that a process without one does not get somebody else's.
ktap_equal "a valid question after all these" no-vma "$(said 0x1000)"

start subject "$bin/subject" anon || exit 1
pid=$(pid_of subject)
va=$(word_of subject anon 2)
plain=$(ask walk "$pid $va")
tagged_va=$(hex $((va | 0x5a << 56)))
case $tagged in
EINVAL) want="pid=$pid va=$tagged_va pa=none error=EINVAL why=not-canonical" ;;
*) want=$plain ;;
esac
ktap_equal "a page is found by its tagged address where that is valid" "$want" \
	"$(ask walk "$pid $tagged_va")"
end=$(hex $((va + 8192)))
plain=$(ask extents "$pid $va-$end")
tagged_end=$(hex $((va + 8192 | 0x5a << 56)))
case $tagged in
EINVAL) want="# end pid=$pid start=$tagged_va end=$tagged_end error=EINVAL why=not-canonical" ;;
*) want=$plain ;;
esac
ktap_equal "a range has two tags" "$want" "$(ask extents "$pid $tagged_va-$tagged_end")"
ktap_finish
