# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the tests of conversations share. To be sourced after lib.sh and, for
# `ask`, lib-ask.sh.

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
