# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the tests of the client share. To be sourced after lib.sh.

# shellcheck disable=SC2154 # $here and $tmp are of lib.sh

# In the guest; where cargo puts it; where it was installed.
client=
for client_file in "${MEMINTRO:-/nowhere}" "$here/../tools/memintro" \
	"$here/../tools/memintro/target/release/memintro" "$(command -v memintro)"; do
	[ -n "$client" ] || [ ! -f "$client_file" ] || [ ! -x "$client_file" ] || client=$client_file
done
[ -n "$client" ] || ktap_skip_all "no client: cargo build --release in tools/memintro/"

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
