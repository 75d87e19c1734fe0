#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: loading creates the files and logs one line, unloading removes them and logs
# one line, and a newly loaded module has no old answer.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_reloadable_module

files() {
	for file in /proc/memintro/tasks /proc/memintro/heapmax /proc/memintro/kstack "$walk"; do
		[ -e "$file" ] && echo "$file"
	done
}

ktap_plan 11
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
ktap_finish
