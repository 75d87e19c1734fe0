#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: loading creates the files and logs one line, unloading removes them and logs
# one line, and a newly loaded module has no old answer.
#
# Property: the module can be unloaded while its files are open: rmmod succeeds, readers
# and writers get an error, also after the module is loaded again, and the kernel
# reports nothing.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_reloadable_module

ktap_plan 24

# Loaded and unloaded.
files() {
	for file in /proc/memintro/tasks /proc/memintro/heapmax /proc/memintro/kstack "$walk"; do
		[ -e "$file" ] && echo "$file"
	done
}

put "$$ 0x1000\n" >/dev/null
log_mark
ktap_run "rmmod" unload
ktap_equal "no file is left" "" "$(files)"
ktap_run "neither directory is left" sh -c '! [ -e /proc/memintro ] && ! [ -e /sys/kernel/memintro ]'
ktap_run "insmod" load
ktap_equal "all files are there" 4 "$(files | wc -l)"
# shellcheck disable=SC2016 # the inner shell's
ktap_run "its version is that of the file" sh -c \
	'version=$(modinfo -F version "$1") && [ -n "$version" ] && [ "$version" = "$(cat /sys/module/memintro/version)" ]' \
	sh "$module"
ktap_equal "a fresh module has no answer" ENODATA "$(get)"
ktap_equal "the log has a line for the unload, then one for the load" "unloaded loaded" \
	"$(log_since | sed -n 's/^.*memintro: \([a-z]*loaded\).*/\1/p' | paste -sd ' ' -)"
ktap_equal "and nothing else of the module, but for the taint" "" \
	"$(log_since | grep memintro | grep -vE 'memintro: (un)?loaded|taint')"
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_equal "the licence is the kernel's" GPL "$(modinfo -F license "$module" | cut -c 1-3)"

# Unloaded while files are open.

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
