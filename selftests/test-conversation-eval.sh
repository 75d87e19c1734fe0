#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 5 s
#
# Property: a shell may `eval` every line of `walk`, and in the other conversations what
# follows `# end`: words of the form key=value, separated by one space, with values that
# contain only [0-9A-Za-z_.,:-], whatever the question was.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_module
prepare_memory

different=
ktap_plan 14
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
ktap_finish
