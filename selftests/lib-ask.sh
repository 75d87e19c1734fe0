# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The conversations, from a shell, and the client. To be sourced after lib.sh.

# Asks one question, and prints the whole answer.
ask() { # FILE WORD...
	ask_file=/proc/memintro/$1
	shift
	{ printf '%s\n' "$*" >&3 && cat <&3; } 3<>"$ask_file"
}

# Puts the table kmem into $tmp/kmem. This shell itself reads it: the kernel stack is that
# of the reader, and must exist while questions about it are asked.
take_kmem() {
	while read -r kmem_row; do
		printf '%s\n' "$kmem_row"
	done </proc/memintro/kmem >"$tmp/kmem"
}

# The value of a key in the `key=value` lines of the input. (In an emulated machine,
# starting a program for it would take longer than the comparison.)
key() { # KEY
	while read -r key_line; do
		for key_word in $key_line; do
			case $key_word in "$1"=*) echo "${key_word#*=}" ;; esac
		done
	done
}

# One column of the rows of the input, found by its name in the header.
column() { # NAME
	awk -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) n = i }
		NR > 1 && !/^#/ { print n ? $n : "no such column" }'
}

# One result: a question is refused, by one line.
refused() { # FILE QUESTION ERROR WHY
	refused_answer=$(ask "$1" "$2")
	# A name must be the same in each run.
	refused_name=$(printf '%.40s' "$2" |
		sed -E 's/^(\+?)[0-9]{2,7}( |$)/\1PID\2/; s/0xff[0-9a-f]{6,14}/KERNEL/g; s/0x7[0-9a-f]{9,14}/USER/g')
	ktap_equal "$1: $4: $refused_name" "# end error=$3 why=$4" \
		"$(printf '%s\n' "$refused_answer" | sed 's/^# end .*error=/# end error=/')"
}

# Results of `refusals`.
refusals_planned=15

# What every file refuses whose questions are about a range of a process.
refusals() { # FILE PID
	refused "$1" "" EINVAL not-a-question
	refused "$1" "+$2" EINVAL not-a-question
	refused "$1" "$2 0x1000-0x2000 totals totals" EINVAL not-a-question
	refused "$1" "$2 totals 0x1000-0x2000" EINVAL not-a-question
	refused "$1" "99999999999" EINVAL not-a-question
	refused "$1" "$2 $(printf '%0300d' 0)" EINVAL too-long
	refused "$1" "$2 0x2000-0x1000" EINVAL not-an-address
	refused "$1" "$2 0x1000-0x1000" EINVAL not-an-address
	refused "$1" "$2 400000-401000" EINVAL need-0x
	refused "$1" "$2 0x1000-0x8080000000000000" EINVAL not-canonical
	refused "$1" "$2 0x1000-0xffffffffffffffff" EINVAL kernel-address
	refused "$1" "$2 0xffffffff81000000-0xffffffff81001000" EINVAL kernel-address
	refused "$1" "2147483647" ESRCH no-process
	refused "$1" "2" ESRCH kernel-thread
	start zombie "$bin/spawn" 0 --zombies 1
	refused "$1" "$(word_of zombie zombie 2)" ESRCH no-memory
	stop zombie
}

# shellcheck disable=SC2034,SC2154 # used by those who source it; $bin is of lib.sh

proc=/proc/memintro
shells="dash bash busybox"

# Calls one of $shells with a script.
shell() { # SHELL SCRIPT [ARGUMENT...]
	shell_name=$1
	shift
	[ "$shell_name" != busybox ] || set -- sh "$@"
	"$shell_name" "$@"
}

# The answer about an address where a process has no mapping.
no_vma() { # PID VA
	echo "pid=$1 va=$2 pa=none why=no-vma level=-"
}

# The answer to a line that is not a question.
bad() { # WHY
	echo "pid=- va=- pa=none error=EINVAL why=$1"
}

# Single system calls on one open conversation; prints their results in one line,
# separated by " | ".
converse() { # FILE STEP...
	"$bin/converse" "$@" | paste -sd '|' - | sed 's/|/ | /g'
}

# As root without a capability.
without() { # CAPABILITY COMMAND...
	caps=-$1
	shift
	setpriv --inh-caps="$caps" --ambient-caps=-all --bounding-set="$caps" "$@"
}

# As root with only these capabilities, or none.
only() { # CAPABILITIES COMMAND...
	caps=-all${1:+,$1}
	shift
	setpriv --inh-caps=-all --ambient-caps=-all --bounding-set="$caps" "$@"
}

nobody() { # COMMAND...
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# The client: in the guest; where cargo puts it; where it was installed.
need_client() {
	client=
	for client_file in "${MEMINTRO:-/nowhere}" "$here/../tools/memintro" \
		"$here/../tools/memintro/target/release/memintro" "$(command -v memintro)"; do
		[ -n "$client" ] || [ ! -f "$client_file" ] || [ ! -x "$client_file" ] || client=$client_file
	done
	[ -n "$client" ] || ktap_skip_all "no client: cargo build --release in tools/memintro/"
}

# Calls the client; prints its status. What it said is in $tmp/out and $tmp/err.
status_of() { # ARGUMENT...
	"$client" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	echo $?
}

# Whether what it cannot do it says in a line of its own.
refuses() { # WORD COMMAND...
	refused_word=$1
	shift
	! "$@" >"$tmp/out" 2>"$tmp/err" </dev/null &&
		[ ! -s "$tmp/out" ] && grep -q "^memintro: .*$refused_word" "$tmp/err" && [ "$(wc -l <"$tmp/err")" -eq 1 ]
}
