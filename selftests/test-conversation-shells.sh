#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 4 s
#
# Property: dash, bash and busybox sh can use a conversation as documented: `exec 3<>`,
# `echo >&3`, one line per `read -r <&3`, and `cat <&3` ends after the last answer.
#
# Property: a shell may `eval` every line of `walk`, and in the other conversations what
# follows `# end`: words of the form key=value, separated by one space, with values that
# contain only [0-9A-Za-z_.,:-], whatever the question was.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
need_module
prepare_memory

ktap_plan 17

# A conversation.
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

for name in $shells; do
	if command -v "$name" >/dev/null; then
		ktap_equal "$name holds a conversation" "$expected" "$(shell "$name" "$tmp/talk" $pid 2>&1)"
	else
		ktap_skip "$name holds a conversation" "no $name"
	fi
done

# Lines to evaluate.
different=
start all "$bin/subject" || exit 1
start zombies "$bin/spawn" 0 --zombies 1 || exit 1
pid=$(pid_of all)
# Every word of the documentation that can be had here, and hostile questions.
{
	awk -v pid="$pid" 'NF == 3 { print pid, $2; print pid, $2, "levels" }' "$tmp/all.out"
	echo "$pid 0x1000"
	for va in 0xffffffff81000000 0xffff888000000000 0xffffc90000000000 0xffffffffff5fd000 0xff11000000000000 \
		0xffffea0000000000 0xfffffe0000000000 0xffffffffc0000000 0xffffffffffffffff; do
		echo "kernel $va"
		echo "kernel $va levels"
	done
	printf '%s\n' "" x "$pid" "$pid 4096" "$pid 0xg" "$pid 0x8080000000000000" "$pid 0xffffffff81000000" \
		"kernel 0x1000" "2147483647 0x1000" "2 0x1000" "$(word_of zombies zombie 2) 0x1000" "$(printf '%300s' x)" \
		"\$(reboot) \`reboot\`" "; reboot" "' \" 0x1000" "$pid 0x1000 'levels'" "$pid=1 0x1000" "$(printf '\001\377\033[1m')"
} >"$tmp/walk"
{
	printf '%s\n' "$pid" "$pid totals" "$pid 0x1000-0x2000" "kernel 0xffffffff81000000-0xffffffff82000000" \
		"2147483647" "2" "$(word_of zombies zombie 2)" "" "$pid 0x2000-0x1000" "$pid 0x8080000000000000-0x9080000000000000" \
		"\$(reboot)" "; reboot" "$(printf '%300s' x)"
} >"$tmp/extents"
{
	cat "$tmp/extents"
	echo "$pid 0x1000"
} >"$tmp/vmas"
{
	printf '%s\n' 0x0 0x1000 0xffffffffffffffff 1000 x "" "\$(reboot)" "; reboot" "0x1000 0x2000"
	awk '$1 == "anon" { print $2 }' "$tmp/all.out" | "$bin/pagemap" "$pid" | cut -d ' ' -f 2
} >"$tmp/rmap"

{
	cat "$tmp/rmap"
	printf '%s\n' "0x0-0x100000 totals" "0x0-0xffffffffffffffff totals" "kernel 0xffffffff81000000" "$pid 0x1000" \
		"2 0x1000" "2147483647 0x1000"
	awk -v pid="$pid" 'NF == 3 { print pid, $2 }' "$tmp/all.out"
} >"$tmp/page"

cp "$tmp/extents" "$tmp/tables"
for name in walk vmas extents rmap page tables; do
	{
		cat "$tmp/$name" >&3
		cat <&3
	} 3<>"$proc/$name" >"$tmp/$name.out"
	case $name in
	walk) cp "$tmp/walk.out" "$tmp/lines" ;;
	page) sed 's/^# end //' "$tmp/page.out" >"$tmp/lines" ;;
	*) sed -n 's/^# end //p' "$tmp/$name.out" >"$tmp/lines" ;;
	esac
	cat "$tmp/lines" >>"$tmp/every"
	answers=$(grep -vc '^level=' "$tmp/lines")
	ktap_equal "$name: one answer for each question" "$(wc -l <"$tmp/$name")" "$answers"
	ktap_equal "$name: no line with anything else" "" \
		"$(LC_ALL=C grep -Evx '[a-z][a-z0-9_]*=[0-9A-Za-z_.,:-]+( [a-z][a-z0-9_]*=[0-9A-Za-z_.,:-]+)*' "$tmp/lines")"
done

# A shell that evaluates a line has in its variables what the line says.
cat >"$tmp/evaluate" <<'END'
while read -r the_line; do
	eval "$the_line"
	the_same=
	for the_word in $the_line; do
		eval "the_value=\$${the_word%%=*}"
		the_same="$the_same ${the_word%%=*}=$the_value"
	done
	echo "${the_same# }"
done
END
for name in $shells; do
	shell "$name" "$tmp/evaluate" <"$tmp/every" >"$tmp/evaluated" 2>&1
	cmp -s "$tmp/every" "$tmp/evaluated" || different="$different $name"
done
ktap_equal "dash, bash and busybox evaluate every line" "" "$different"
words=$(sed -n 's/.* why=\([^ ]*\).*/\1/p' "$tmp/every" | sort -u | paste -sd ' ' -)
ktap_diag "words seen: $words"
ktap_run "most words were seen" [ "$(echo "$words" | wc -w)" -ge 17 ]
stop all
stop zombies
ktap_finish
