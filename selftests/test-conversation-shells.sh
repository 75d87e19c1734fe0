#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: dash, bash and busybox sh can use a conversation as documented: `exec 3<>`,
# `echo >&3`, one line per `read -r <&3`, and `cat <&3` ends after the last answer.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module

cat >"$tmp/talk" <<'TALK'
exec 3<>/proc/memintro/walk
echo "$1 0x1000" >&3
read -r answer <&3
echo "one: $answer"

printf '%s\n' "$1 0x2000" "$1 0x3000" >&3
read -r answer <&3
echo "first of two: $answer"
echo "$1 0x4000" >&3
cat <&3 | sed 's/^/the others: /'
cat <&3 | sed 's/^/more than was asked: /'

for va in 0x5000 0x6000 0x7000; do
	echo "$1 $va" >&3
done
while read -r line <&3; do
	pa='' why=''
	eval "$line"
	echo "loop: $pid $va $pa $why"
done

ask() { f=$1; shift; { echo "$*" >&3 && cat <&3; } 3<>/proc/memintro/$f; }
ask walk "$1 0x8000"

# Two conversations do not mix.
exec 4<>/proc/memintro/walk
echo "$1 0x9000" >&3
echo "$1 0xa000" >&4
cat <&4
cat <&3
exec 4<&-
echo "$1 0xb000" >&3
# A child reads the same conversation.
(read -r answer <&3; echo "child: $answer")
cat <&3
TALK
pid=$$
expected=$(
	echo "one: $(no_vma $pid 0x1000)"
	echo "first of two: $(no_vma $pid 0x2000)"
	echo "the others: $(no_vma $pid 0x3000)"
	echo "the others: $(no_vma $pid 0x4000)"
	for va in 0x5000 0x6000 0x7000; do
		echo "loop: $pid $va none no-vma"
	done
	no_vma $pid 0x8000
	no_vma $pid 0xa000
	no_vma $pid 0x9000
	echo "child: $(no_vma $pid 0xb000)"
)

ktap_plan 3
for name in $shells; do
	if command -v "$name" >/dev/null; then
		ktap_equal "$name holds a conversation" "$expected" "$(shell "$name" "$tmp/talk" $pid 2>&1)"
	else
		ktap_skip "$name holds a conversation" "no $name"
	fi
done
ktap_finish
