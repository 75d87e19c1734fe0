#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 4500
#
# Property: many processes read every file about processes whose mappings change
# constantly (fork, exec, exit, mmap, munmap, mremap, mprotect, madvise, copy on write,
# KSM, hugetlb with shared page tables, userfaultfd, swap, cgroup limits, OOM kills),
# and about one that is stuck forever, while readers are killed and the module is
# reloaded. No answer has a physical address other than the one that pagemap gives both
# before and after; the kernel reports nothing, and gets all its memory back.
#
#	SECONDS_LONG=3600 ASKERS=12 TARGETS=2 SEED=1 stress-files.sh
#
# TARGETS is the number of processes whose answers are verified: with 1 all ask
# about the same.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-stress.sh
. "$here/lib-stress.sh"
need_reloadable_module
prepare_memory
rest_in_place
merge_pages
limited_group
# One whose mmap lock nobody gets, and some of whose mappings' own locks neither.
set_until_end /proc/sys/kernel/hung_task_timeout_secs 0
start stuck "$bin/hold-mmap-lock" over || exit 1

seconds=${SECONDS_LONG:-60}
planned=5
looks_for_leaks && planned=6
ktap_plan $planned
log_mark

run() { # SECONDS LONGER
	"$bin/stress" --module "$module" --seconds "$1" --longer "$2" --askers "${ASKERS:-12}" \
		--targets "${TARGETS:-2}" --cgroup "$group" --stuck "$(word_of stuck pid 2)" ${SEED:+--seed "$SEED"}
}
# The first round fills the kernel's caches. Where kmemleak tells what leaks, the
# limit leaves room for them.
[ -e "$leaks" ] || run 5 0 >/dev/null 2>&1
memory_mark
ktap_run "no wrong answer in $seconds s" run "$seconds" 300
ktap_diag "$(printf '%s\n' "$ktap_out" | grep -v '^wrong\|^KTAP')"
memory_back "kernel memory is freed"
ktap_run "a process was stuck all the time" grep -q '^[0-9]* ([^)]*) D ' \
	"/proc/$(word_of stuck witness 2)/stat"
ktap_run "the module can be unloaded" unload
stop stuck
no_leaks "nothing leaked"
ktap_equal "nothing is reported" "" "$(stress_reports)"
ktap_finish
