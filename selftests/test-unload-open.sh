#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: the module can be unloaded while its files are open: rmmod succeeds, readers
# and writers get an error, also after the module is loaded again, and the kernel
# reports nothing.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_reloadable_module

ktap_plan 13
log_mark

# A table read in part, one not read yet, and both ends of the walk.
# shellcheck disable=SC2094 # they are one file on purpose
exec 3</proc/memintro/tasks 4</proc/memintro/kstack 5<"$walk" 6>"$walk"
read -r header <&3
ktap_diag "read: $header"
put "$$ 0x1000\n" >/dev/null

# Readers at work, too.
sh -c 'while cat /proc/memintro/tasks; do :; done' >"$tmp/work" 2>"$tmp/work.err" &
reader=$!
until [ -s "$tmp/work" ]; do sleep 0.05; done

ktap_run "rmmod while files are open and read" unload
wait "$reader"
ktap_run "a reader at work ends with an error" [ -s "$tmp/work.err" ]

gone() { # WHEN
	ktap_equal "$1: a table read in part" EIO "$("$bin/raw-question" read fd:3)"
	ktap_equal "$1: a table opened only" EIO "$("$bin/raw-question" read fd:4)"
	ktap_equal "$1: reading the walk" ENODEV "$("$bin/raw-question" read fd:5)"
	ktap_equal "$1: writing to the walk" ENODEV "$("$bin/raw-question" write fd:6 "$$ 0x1000\n")"
}
gone "after rmmod"
ktap_run "it can be loaded again" load
gone "after insmod"
exec 3<&- 4<&- 5<&- 6>&-
ktap_equal "new descriptors work" "ok no-vma" \
	"$(put "$$ 0x1000\n" | cut -d ' ' -f 1) $(get)"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
