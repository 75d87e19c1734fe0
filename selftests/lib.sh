# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the selftests share: paths, the module, programs in the background. To be sourced,
# as: . "${0%/*}/lib.sh"
#
# The module is loaded only if it is not loaded yet, and then unloaded at the end. A test
# registers with at_exit whatever it changes.

here=$(cd "${0%/*}" && pwd) || exit
# Benchmarks are one directory below.
here=${here%/bench}
# shellcheck source-path=SCRIPTDIR source=ktap.sh
. "$here/ktap.sh"

# The programs: beside the scripts in the guest, else where cargo puts the one file
# that holds them all.
bin=$here/bin
if [ ! -d "$bin" ]; then
	bin=$here/programs/target/release
	[ ! -x "$bin/memintro-selftests" ] || [ -e "$bin/raw-question" ] || "$here/programs/link" "$bin"
fi
walk=/sys/kernel/memintro/walk
# The size of a page, and its name in answers.
page_size=$(getconf PAGESIZE)
# shellcheck disable=SC2034 # for those who source this
page_name=$((page_size / 1024))K
module=${MEMINTRO_KO:-$here/../memintro.ko}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/memintro-test.XXXXXX") || exit 1

# Commands to run at the end, the last one first.
at_exit=
at_exit() { # COMMAND
	at_exit="$1
$at_exit"
}
run_at_exit() {
	# Commands of the list must not end the list.
	eval "$at_exit"
	rm -rf "$tmp"
}
trap run_at_exit EXIT
# Without these, dash would not run the EXIT trap.
trap 'exit 143' TERM
trap 'exit 130' INT

[ "$(id -u)" -eq 0 ] || ktap_skip_all "needs root"
[ -x "$bin/raw-question" ] || ktap_skip_all "no programs in $bin: cargo build --release in programs/"

is_loaded() {
	grep -q '^memintro ' /proc/modules
}

load() {
	insmod "$module"
}

unload() {
	rmmod memintro
}

# Loads the module for this test unless it is loaded.
need_module() {
	is_loaded && return
	[ -e "$module" ] || ktap_skip_all "memintro is not loaded, and there is no $module"
	at_exit 'is_loaded && unload'
	load || {
		echo "Bail out! insmod $module failed"
		exit 1
	}
}

# For tests that unload the module: restores it afterwards.
need_reloadable_module() {
	[ -e "$module" ] || ktap_skip_all "no $module to load"
	if is_loaded; then
		at_exit 'is_loaded || load'
	else
		at_exit 'is_loaded && unload'
	fi
	is_loaded || load || {
		echo "Bail out! insmod $module failed"
		exit 1
	}
}

# On an emulated machine, starting a program takes longer than most tests, so functions
# that are called often use the shell alone.

# Starts a program that prints `ready` and runs until its input ends. Its
# output is then in $tmp/NAME.out, its PID in $tmp/NAME.pid.
start() { # NAME COMMAND...
	start_name=$1
	shift
	[ -p "$tmp/$start_name.in" ] || mkfifo "$tmp/$start_name.in"
	# Otherwise the output of an earlier program of this name would count as its own.
	: >"$tmp/$start_name.out"
	# Holds the input open; a program that is killed would leave its children behind.
	sleep 86400 >"$tmp/$start_name.in" &
	echo $! >"$tmp/$start_name.holder"
	at_exit "stop $start_name"
	"$@" <"$tmp/$start_name.in" >"$tmp/$start_name.out" 2>"$tmp/$start_name.err" &
	start_pid=$!
	echo $start_pid >"$tmp/$start_name.pid"
	# Each line is read once.
	start_part=
	while :; do
		if read -r start_line; then
			[ "$start_part$start_line" != ready ] || return 0
			start_part=
			continue
		fi
		start_part=$start_part$start_line
		if ! kill -0 $start_pid 2>/dev/null; then
			wait $start_pid
			start_status=$?
			stop "$start_name"
			return $start_status
		fi
		sleep 0.01
	done <"$tmp/$start_name.out"
}

# Stops a program that was started.
stop() { # NAME
	[ -s "$tmp/$1.holder" ] || return 0
	read -r stop_holder <"$tmp/$1.holder"
	read -r stop_pid <"$tmp/$1.pid"
	: >"$tmp/$1.holder"
	kill "$stop_holder" 2>/dev/null
	# The shell prints "Terminated" for the holder.
	wait "$stop_holder" "$stop_pid" 2>/dev/null
}

pid_of() { # NAME
	read -r pid_of <"$tmp/$1.pid"
	echo "$pid_of"
}

# The n-th word of the first line that starts with KEY in a program's output.
word_of() { # NAME KEY N
	word_n=$3
	while read -r word_line; do
		# shellcheck disable=SC2086 # its words
		case "$word_line " in "$2 "*) set -- $word_line && eval "echo \"\${$word_n-}\"" && return ;; esac
	done <"$tmp/$1.out"
}

# Whether this is the guest of selftests/vm/run, where nothing can be damaged.
is_guest() {
	[ "$(uname -n)" = memintro ] && [ -e /run.settings ]
}

# Marks a place in the kernel log; log_since prints what came after.
log_mark() {
	read -r log_id </proc/uptime
	log_id="memintro-selftest: mark $$ $log_id"
	echo "$log_id" >/dev/kmsg
}

# If the log is so long that the mark is lost, everything in it came after.
log_since() {
	dmesg >"$tmp/dmesg"
	log_from=$(awk -v id="$log_id" 'index($0, id) { n = NR } END { print n + 1 }' "$tmp/dmesg")
	tail -n "+$log_from" "$tmp/dmesg"
}

# What no kernel log may contain after a test.
log_reports() {
	log_since | grep -E 'BUG|WARNING|Oops|KASAN|UBSAN|lockdep|RCU|rcu_.*stall|general protection|unable to handle|refcount|leaked|panic|hung task|blocked for more|scheduling while atomic|Call Trace'
}

# The debug kernel is many times slower, above all at creating processes: time limits and
# sizes of tests depend on it.
case $(uname -r) in
*-debug) slow=${SLOW:-12} ;;
*) slow=${SLOW:-1} ;;
esac

# Seconds since boot, in hundredths.
now() {
	read -r now_s _ </proc/uptime
	# Two digits follow the point; a leading 0 would be octal.
	echo $((${now_s%.*} * 100 + 1${now_s#*.} - 100))
}

# Whether vm is right, and heapmax has the largest of its heaps, of several the one with the
# lowest PID. A heap only grows here: it is at least what it was before, and at most what it
# is after. All is read by one process, whose heap counts as well.
heapmax_is_right() {
	"$bin/compare-vm" && awk '
		function vm(heaps) {
			while ((getline <"/proc/memintro/vm") > 0) heaps[$1] = $9
			close("/proc/memintro/vm")
		}
		BEGIN {
			vm(before)
			while ((getline <"/proc/memintro/heapmax") > 0) { pid = $1; heap = $2 + 0 }
			vm(after)
			right = (pid in before) && (pid in after) && before[pid] <= heap && heap <= after[pid] + 0
			for (p in before) {
				same = before[p] == heap && after[p] == heap && p + 0 < pid
				if ((p in after) && (before[p] + 0 > heap || same)) right = 0
			}
			print pid, heap
			exit !right
		}'
}

# Prints the result of a single write to the walk: `ok N`, or the name of the error.
put() { # TEXT [OPTION...]
	put_text=$1
	shift
	"$bin/raw-question" write "$walk" "$put_text" "$@"
}

# Prints the result of a single read of the walk: the answer, or the name of the error.
get() {
	"$bin/raw-question" read "$walk"
}
