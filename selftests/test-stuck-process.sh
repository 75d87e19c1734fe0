#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 7 s
# timeout: 900
#
# Property: a process whose mmap lock nobody ever gets delays no answer about others,
# and every question about itself is still answered: its mappings are found without that
# lock, and if one of them is locked too, the answer is `busy`. No reader waits
# uninterruptibly, or longer than until a signal, and rmmod succeeds.
#
# Another process waits for the lock before and after each answer, so the lock was held
# all the time, and no answer waited for it, however long that took on a busy machine.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_reloadable_module
[ -e /dev/fuse ] || modprobe -q fuse || ktap_skip_all "no FUSE"
# They are stuck on purpose.
set_until_end /proc/sys/kernel/hung_task_timeout_secs 0

ktap_plan 83
log_mark

# Only what hangs takes longer. (LIMIT=SECONDS: to see a broken module fail.)
limit=${LIMIT:-$((60 * slow))}

# Whether the witness still waits.
held() {
	held_stat=
	read -r held_stat 2>/dev/null <"/proc/$witness/stat"
	case ${held_stat##*) } in D*) ;; *) return 1 ;; esac
}

# Asks one question in a process of its own, whose end is waited for until the limit.
# Prints the answer, and `hangs` where none came.
ask_or_hang() { # FILE QUESTION
	# shellcheck disable=SC2016 # $1 is the other shell's
	timeout -k 1 "$limit" sh -c 'exec 3<>"$0" && printf "%s\n" "$1" >&3 && exec cat <&3' "/proc/memintro/$1" "$2" ||
		echo "hangs"
}

# Begins to ask: an answer that says `busy` has waited for a second first, all of them at
# the same time.
ahead() { # NUMBER FILE QUESTION
	ask_or_hang "$2" "$3" >"$tmp/ahead.$1" &
	eval "asking_$1=$!"
}

# One result: the answer has such a last line, and the lock was held all the time.
answers() { # NAME FILE QUESTION PATTERN [NUMBER]
	answers_name=$1
	begin=$(now)
	if [ -n "${5-}" ]; then
		eval "wait \$asking_$5"
		mv "$tmp/ahead.$5" "$tmp/answer"
	else
		ask_or_hang "$2" "$3" >"$tmp/answer"
	fi
	if ! held; then
		ktap_diag "the lock is not held any more"
		ktap_not_ok "$answers_name"
	elif ! awk -v pattern="$4" '{ last = $0 } END { exit last !~ pattern }' "$tmp/answer"; then
		ktap_diag "asked $2: $3"
		ktap_diag "expected $4"
		ktap_diag "got $(tail -n 1 "$tmp/answer"), after $(($(now) - begin)) hundredths of a second"
		ktap_not_ok "$answers_name"
	else
		ktap_ok "$answers_name"
	fi
}

# One result: a signal with a handler ends a call at the latest.
signalled() { # NAME FILE QUESTION
	case $2 in
	"$walk") set -- "$1" "$bin/raw-question" write "$2" "$3\n" --signals ;;
	*) set -- "$1" "$bin/converse" "$2" signals "write=$3\n" lines ;;
	esac
	signalled_name=$1
	shift
	signalled_out=$(timeout -k 1 -s KILL "$limit" "$@") || signalled_out=hangs
	case $signalled_out in
	hangs | '') held && ktap_diag "STILL READING after $limit s" && ktap_not_ok "$signalled_name" ;;
	*) ktap_run "$signalled_name" held ;;
	esac
}

# Who else maps the page.
start others "$bin/shared" || exit 1
other=$(pid_of others)
pa_of() { # PID VA
	echo "$2" | "$bin/pagemap" "$1" | cut -d ' ' -f 2
}
other_va=$(awk -v pid="$other" '$1 == "shmem" && $2 == pid { print $3 }' "$tmp/others.out")
other_pa=$(pa_of "$other" "$other_va")

questions() { # WAY
	way=$1
	start stuck "$bin/hold-mmap-lock" "$way" || {
		ktap_diag <"$tmp/stuck.err"
		exit 1
	}
	pid=$(word_of stuck pid 2) witness=$(word_of stuck witness 2)
	page=$(word_of stuck page 2) gap=$(word_of stuck gap 2)
	over=$(word_of stuck over 2) beside=$(word_of stuck beside 3)
	whole=$(word_of stuck whole 2)
	ktap_run "$way: the lock is held" held

	# Others.
	for table in tasks vm heapmax kstack; do
		ktap_run "$way: $table" timeout -k 1 "$limit" cat "/proc/memintro/$table"
	done
	answers "$way: walk of another process" walk "$other $other_va" "pa=$other_pa page"
	answers "$way: vmas of another process" vmas "$other" "^# end pid=$other rows=[1-9]"
	answers "$way: extents of another process" extents "$other" "^# end pid=$other .*runs=[1-9]"
	ktap_equal "$way: sysfs: another process" "ok $other_pa" "$(
		put "$other $other_va\n" | cut -d ' ' -f 1
	) $(get)"

	# Who maps a page of others; of the stuck one it may say that it was busy.
	printf '%s\n' "$other $other_va" "$pid $over" "$other $other_va" >"$tmp/three"
	case $way in
	over)
		busy=1 first=1 last=8
		ahead 1 rmap "$other_pa"
		ahead 2 walk "$pid $over"
		ahead 3 walk "$pid $beside"
		ahead 4 vmas "$pid $whole"
		ahead 5 extents "$pid $whole"
		ahead 6 vmas "$pid"
		ahead 7 extents "$pid"
		ahead 8 walk "$(cat "$tmp/three")"
		;;
	*) busy=0 first='' last='' ;;
	esac
	answers "$way: rmap" rmap "$other_pa" "^# end pa=$other_pa rows=3 outside=0 busy=$busy\$" "$first"
	ktap_equal "$way: rmap lists all others" "$(
		awk '$1 == "shmem" { print $2, $3 }' "$tmp/others.out" | sort
	)" "$(awk '/^[0-9]/ { print $1, $2 }' "$tmp/answer" | sort)"

	# The stuck process itself.
	answers "$way: walk of its page" walk "$pid $page" "pa=0x[0-9a-f]+ page="
	answers "$way: walk of a gap" walk "$pid $gap" "pa=none why=no-vma"
	answers "$way: walk below all" walk "$pid 0x1000" "pa=none why=no-vma"
	answers "$way: vmas of its page" vmas "$pid $page" "rows=1 size_kb=[0-9]+ present_kb=[1-9]"
	answers "$way: vmas of a gap" vmas "$pid $gap" "rows=0"
	answers "$way: extents from a gap on" extents "$pid $gap-$(printf '0x%x' $((gap + 1)))" " kb=0 hole_kb=[1-9]"
	case $way in
	over)
		busy="error=EAGAIN why=busy"
		answers "$way: walk of what is replaced" walk "$pid $over" "pa=none $busy" 2
		answers "$way: walk beside it" walk "$pid $beside" "pa=none $busy" 3
		answers "$way: vmas of the whole" vmas "$pid $whole" "$busy" 4
		answers "$way: extents of the whole" extents "$pid $whole" "$busy" 5
		answers "$way: vmas" vmas "$pid" "$busy" 6
		answers "$way: extents" extents "$pid" "$busy" 7
		;;
	*)
		answers "$way: vmas" vmas "$pid" "^# end pid=$pid rows=[1-9][0-9]* size"
		answers "$way: extents" extents "$pid" "^# end pid=$pid start=- end=- .*runs=[1-9]"
		;;
	esac

	# What is ready is given, whatever comes after it.
	answers "$way: answers before and after one about it" walk "$(cat "$tmp/three")" "pa=$other_pa page" "$last"
	ktap_equal "$way: each question has its line" 3 "$(grep -c '^pid=' "$tmp/answer")"

	signalled "$way: a signal ends rmap" /proc/memintro/rmap "$other_pa"
	signalled "$way: a signal ends vmas" /proc/memintro/vmas "$pid"
	signalled "$way: a signal ends a write to sysfs" "$walk" "$pid $over"
}

for way in gap queue over; do
	questions $way
	# While somebody keeps asking.
	sh -c 'while { echo "$1" >&3 && cat <&3; } 3<>/proc/memintro/vmas; do :; done' 0 "$pid" \
		>"$tmp/work" 2>/dev/null &
	reader=$!
	until [ -s "$tmp/work" ]; do sleep 0.05; done
	ktap_run "$way: rmmod" timeout -k 1 "$limit" rmmod memintro
	wait "$reader"
	ktap_run "$way: the lock was held until the end" held
	stop stuck
	load
done
ktap_equal "nothing is reported" "" "$(log_reports)"
ktap_finish
