#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: what a process may execute is executable in every answer, and nothing else
# is. With page-table isolation the kernel's copy of the top-level user entries forbids
# execution, while the processor runs user code on another copy.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

# The first page of this shell's first mapping with these permissions, made present.
page_of() { # PERMISSIONS
	while read -r range permissions _; do
		[ "$permissions" != "$1" ] || break
	done <"/proc/$$/maps"
	page=0x${range%-*}
	dd if=/proc/$$/mem bs=1 count=1 skip=$((page)) >/dev/null 2>"$tmp/dd" || cat "$tmp/dd"
}

ktap_plan 7
for kind in 'r-xp r-xu code' 'r--p r--u constants'; do
	# shellcheck disable=SC2086 # three words
	set -- $kind
	page_of "$1"
	ktap_equal "walk: a page of $3" "$2" "$(ask walk "$$ $page" | key perm)"
	ktap_equal "walk, with levels: a page of $3" "$2" "$(ask walk "$$ $page levels" | key perm | tail -n 1)"
	ktap_equal "extents: a page of $3" "$2" "$(ask extents "$$ $page-$(printf '0x%x' $((page + 4096)))" | column PERM)"
done

name='page tables are isolated where the kernel was told to'
if ! grep -qw pti=on /proc/cmdline; then
	ktap_skip "$name" "pti=on is not a parameter of this kernel"
else
	ktap_run "$name" grep -qw pti /proc/cpuinfo
fi
ktap_finish
