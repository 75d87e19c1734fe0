# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the tests of kinds of pages share. To be sourced after lib.sh.

# The kinds whose pages are backed as the pattern says (`subject --list`).
kinds() { # PATTERN
	"$bin/subject" --list | awk -v what="$1" '$2 ~ "^(" what ")$" { print $1 }'
}

# Whether this machine can never have a kind; the reason is printed.
cannot_have() { # KIND
	case $1 in
	high)
		case $("$bin/subject" --bits) in
		52 | 56) ;;
		*) echo "four levels" ;;
		esac
		;;
	hugetlb-64k* | hugetlb-32m*)
		size=${1#hugetlb-}
		case $(uname -m)-$page_size-${size%%-*} in
		aarch64-4096-* | aarch64-16384-32m) ;;
		*) echo "there are no hugetlb pages of this size here" ;;
		esac
		;;
	hwpoison)
		is_guest || echo "takes memory away from a machine that is not the test guest"
		;;
	esac
}

# One result: every page of a kind is answered as pagemap says.
check_kind() { # KIND
	name="$1: every answer equals pagemap's or is the kind's word"
	reason=$(cannot_have "$1")
	if [ -n "$reason" ]; then
		ktap_skip "$name" "$reason"
		return
	fi
	ktap_out=
	start subject "$bin/subject" "$1"
	case $? in
	0) ktap_run "$name" "$bin/compare-walk" "$(pid_of subject)" <"$tmp/subject.out" ;;
	4) ktap_skip "$name" "$(cat "$tmp/subject.err")" ;;
	*)
		ktap_diag <"$tmp/subject.err"
		ktap_not_ok "$name"
		;;
	esac
	[ -z "$ktap_out" ] || ktap_diag "${ktap_out##*"$ktap_newline"}"
	stop subject
}
