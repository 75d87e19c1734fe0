# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Sourced by every script here: messages, missing packages, and the cache. Each artefact
# of the cache is made once, in a directory named by a hash of what it is made from.

vm=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck disable=SC2034 # for those who source this
top=$(cd "$vm/../.." && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/memintro
case $cache in /*) ;; *) cache=$PWD/$cache ;; esac
export LC_ALL=C

say() { echo "memintro: $*" >&2; }

# die [-STATUS] MESSAGE...
die() {
	status=1
	case $1 in -[0-9]*) status=${1#-}; shift ;; esac
	say "$*"
	exit "$status"
}

# Prints the comment at the top of a script.
usage() { sed -n '3,/^[^#]/s/^#[[:space:]]\{0,1\}//p' "$1"; }

# need COMMAND PACKAGE [COMMAND PACKAGE]...: as root installs what is missing, else says
# what to type.
need() {
	missing=
	while [ $# -ge 2 ]; do
		case $1 in
		/*) [ -e "$1" ] || missing="$missing $2" ;;
		*) command -v "$1" >/dev/null || missing="$missing $2" ;;
		esac
		shift 2
	done
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null || die "these Debian packages, or their equivalents, are missing:$missing"
	[ "$(id -u)" = 0 ] || die "packages are missing; type: sudo apt-get install$missing"
	say "installing$missing"
	# shellcheck disable=SC2086 # one word per package
	install_packages $missing || die "cannot install them; type: apt-get install$missing"
}

install_packages() {
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null 2>&1 && return
	apt-get update -qq >&2 &&
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# key FILE...: prints a hash of their text, 12 digits ("-" is stdin).
key() { cat -- "$@" | sha256sum | cut -c 1-12; }

source_directory() { echo "$cache/source-$1-$(key "$vm/recipes/source")"; }

# locked NAME COMMAND...: runs COMMAND; one process at a time, of all clones. Children
# inherit the lock, so processes that a killed script left behind still hold it.
locked() {
	lock=$cache/locks/$1
	shift
	mkdir -p "$cache/locks"
	(
		flock -n 9 || {
			say "waiting for another process that makes the same thing"
			until flock -w 60 9; do say "still waiting ..."; done
		}
		"$@"
	) 9>"$lock"
}

# make_once DIRECTORY WHAT COMMAND...: makes DIRECTORY, named KIND-KEY, unless it exists.
# COMMAND gets a temporary directory to fill as its last argument; it gets its final name
# only when it is complete.
make_once() {
	used "$1"
	[ -d "$1" ] || locked "$(basename "$1")" make_now "$@"
}

make_now() {
	[ ! -d "$1" ] || return 0
	directory=$1 what=$2
	shift 2
	rm -rf "$directory".tmp.*
	tmp=$directory.tmp.$$
	log=$cache/log/$(basename "$directory")
	mkdir -p "$tmp" "$cache/log"
	say "$what"
	begun=$(date +%s)
	heartbeat "${what%%:*}" "$begun" </dev/null 9>&- &
	beat=$!
	trap 'kill $beat 2>/dev/null' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if ! "$@" "$tmp" >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		rm -rf "$tmp"
		die "${what%%:*}: failed; the whole log is $log"
	fi
	mv -T "$tmp" "$directory"
	say "${what%%:*}: done ($(($(date +%s) - begun)) s)"
	# Each new kernel needs gigabytes.
	used "$directory"
	kind=${directory##*/}
	unused 30 "${kind%%-*}-*"
}

# used DIRECTORY: notes the time of use, if it exists and belongs to this user.
used() { touch -c "$1" 2>/dev/null || :; }

# unused DAYS PATTERN...: deletes directories of these names that were not used for that
# many days. A directory is never there in part.
unused() {
	days=$1
	shift
	for pattern; do
		find "$cache" -mindepth 1 -maxdepth 1 -type d -name "$pattern" -mtime +"$days" \
			-exec sh -c 'mv -T "$1" "$1.tmp.old" && rm -rf "$1.tmp.old"' sh {} \; 2>/dev/null || :
	done
}

# Prints that a long step is still running. Ends when its parent does, also by a signal.
heartbeat() {
	while sleep 15 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
		say "$1: $(($(date +%s) - $2)) s ..."
	done
}

# What is built from a clone is kept in a directory named by a hash of its sources, so that
# clones with the same sources share it:
#
#	built DIRECTORY BUILD SOURCES   prints its name: DIRECTORY-KEY
#
# SOURCES prints the names of all its sources; BUILD fills the directory that it is given.
# BUILD is called again if a source changed during the build.
built() { locked "${1##*/}" built_now "$@"; }

built_now() {
	while :; do
		made=$1-$(text_of "$3")
		[ ! -d "$made" ] || break
		rm -rf "$1".tmp.*
		mkdir -p "$1.tmp.$$"
		heartbeat "still building" "$(date +%s)" </dev/null >/dev/null 9>&- &
		beat=$!
		trap 'kill $beat 2>/dev/null || :' EXIT
		"$2" "$1.tmp.$$" >&2
		kill $beat 2>/dev/null || :
		[ "$1-$(text_of "$3")" != "$made" ] || mv -T "$1.tmp.$$" "$made"
	done
	used "$made"
	unused 14 'module-*' 'programs-*' 'work-*'
	echo "$made"
}

# A hash of names and contents; it does not depend on where the clone is.
text_of() { "$1" | sort -u | tr '\n' '\0' | xargs -0 sha256sum | sed "s|$top/||" | key -; }

# A kernel's name is words joined by "-": a suite of Debian (default: trixie-backports), a
# series such as 7.2 (default: the newest), and what Debian calls a featureset or a
# flavour (rt, cloud, 16k): rt, 7.2, 7.2-rt, sid-cloud. The plain one is `stock`; `debug`
# is built here, from its source.
#
# understand KERNEL: sets $suite, $series, $flavour, and $toolchain: the suite with the
# compilers that built it. Fails if it is not such a name.
# shellcheck disable=SC2034 # for those who source this
understand() {
	suite=trixie-backports series='' flavour='' toolchain=trixie
	for word in $(echo "$1" | tr - ' '); do
		case $word in
		stock) ;;
		forky | sid | experimental) suite=$word toolchain=sid ;;
		rt | cloud | 16k) flavour=$word ;;
		[0-9]*.[0-9]*) series=$word ;;
		debug) [ "$1" = debug ] || return 1 ;;
		*) return 1 ;;
		esac
	done
	[ -n "$1" ]
}

# flavour_of ARCH: whether Debian has such a flavour for this architecture; sets
# $flavour to the end of its packages' names.
# shellcheck disable=SC2034 # for those who source this
flavour_of() {
	case $1-$flavour in
	amd64- | arm64-) flavour=$1 ;;
	arm64-16k) flavour=arm64-16k ;;
	*-rt | *-cloud) flavour=$flavour-$1 ;;
	*) return 1 ;;
	esac
}

# The packages with a guest's programs; busybox has the rest.
# shellcheck disable=SC2034 # for those who source this
guest_packages='bash dash coreutils grep sed mawk findutils diffutils procps util-linux kmod hostname strace bc'
