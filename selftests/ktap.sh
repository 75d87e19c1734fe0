# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Results in the Kernel Test Anything Protocol, version 1
# (Documentation/dev-tools/ktap.rst). To be sourced.
#
# A script calls ktap_plan once, reports as many results as it planned, and
# ends with ktap_finish: a result that is missing is a failure.

ktap_newline='
'
ktap_planned=0 ktap_count=0 ktap_failed=0 ktap_skipped=0

ktap_plan() { # N
	ktap_planned=$1
	echo "KTAP version 1"
	echo "1..$1"
}

# Prints remarks: its arguments, or its input. No line of them can pass for a
# result.
ktap_diag() { # [TEXT]
	if [ $# -eq 0 ]; then
		set -- "$(cat)"
		[ -n "$1" ] || return 0
	fi
	case $* in
	*"$ktap_newline"*) printf '%s\n' "$*" | sed 's/^/# /' ;;
	*) printf '# %s\n' "$*" ;;
	esac
}

ktap_ok() { # NAME
	ktap_count=$((ktap_count + 1))
	echo "ok $ktap_count $1"
}

ktap_not_ok() { # NAME
	ktap_count=$((ktap_count + 1))
	ktap_failed=$((ktap_failed + 1))
	echo "not ok $ktap_count $1"
}

ktap_skip() { # NAME REASON
	ktap_count=$((ktap_count + 1))
	ktap_skipped=$((ktap_skipped + 1))
	echo "ok $ktap_count $1 # SKIP $2"
}

# Runs a command; its output, shown when it fails, says why.
ktap_run() { # NAME COMMAND...
	ktap_name=$1
	shift
	if ktap_out=$("$@" 2>&1); then
		ktap_ok "$ktap_name"
	else
		ktap_diag "status $? of: $*"
		ktap_diag "$ktap_out"
		ktap_not_ok "$ktap_name"
	fi
}

# Compares two texts.
ktap_equal() { # NAME EXPECTED GOT
	if [ "$2" = "$3" ]; then
		ktap_ok "$1"
	else
		ktap_diag "expected: $2"
		ktap_diag "got: $3"
		ktap_not_ok "$1"
	fi
}

# Ends a script that can do nothing here.
ktap_skip_all() { # REASON
	echo "KTAP version 1"
	echo "1..0 # SKIP $1"
	exit 4
}

ktap_finish() {
	if [ "$ktap_count" -ne "$ktap_planned" ]; then
		ktap_diag "planned $ktap_planned results, reported $ktap_count"
		exit 1
	fi
	[ "$ktap_failed" -eq 0 ] || exit 1
	exit 0
}
