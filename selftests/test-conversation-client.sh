#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: the client memintro gives the same answers to questions in its arguments,
# asked one by one, and to 4,500 questions on its input, which is more than the queue
# holds, however they arrive; questions that are typed are answered at once. Its exit
# status says whether one was refused, and its message why it cannot ask.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"

need_client
need_reloadable_module
prepare_memory

count=4500
ktap_plan 29
start some "$bin/subject" anon thp untouched || exit 1
pid=$(pid_of some)

# Addresses all over the subject's ranges; all but `untouched` stay in place.
# shellcheck disable=SC2046 # two words for each range
set -- $(awk 'NF == 3 { print $2, $3 }' "$tmp/some.out")
n=0
while [ $n -lt "$count" ]; do
	printf '%d 0x%x\n' "$pid" $(($1 + n * 4099 % $2))
	n=$((n + 1))
	[ $((n % 100)) -ne 0 ] || set -- "$3" "$4" "$5" "$6" "$1" "$2"
done >"$tmp/questions"
sed 's/\(.*\) \(.*\)/pid=\1 va=\2/' "$tmp/questions" >"$tmp/asked"

# The kernel clears `accessed` as pages grow old.
ageless() { # FILE
	sed -i 's/flags=accessed\( \|$\)/flags=-\1/; s/=accessed,/=/' "$1"
}
"$client" walk <"$tmp/questions" >"$tmp/bulk"
ageless "$tmp/bulk"
cut -d ' ' -f 1,2 "$tmp/bulk" >"$tmp/answered"
ktap_run "each is answered in its place" cmp "$tmp/asked" "$tmp/answered"
ktap_run "with addresses" [ "$(grep -c ' pa=0x' "$tmp/bulk")" -ge $((count / 2)) ]
dd if="$tmp/questions" bs=1000 2>/dev/null | "$client" walk >"$tmp/pieces"
ktap_equal "in pieces that cut lines: status 0" 0 $?
ageless "$tmp/pieces"
ktap_run "in pieces that cut lines: the same answers" cmp "$tmp/bulk" "$tmp/pieces"
# Typed: the answer comes before the next question.
mkfifo "$tmp/typed" "$tmp/said"
"$client" walk <"$tmp/typed" >"$tmp/said" &
exec 5>"$tmp/typed" 6<"$tmp/said"
said=
for va in 0x1000 0x2000; do
	echo "$pid $va" >&5
	read -r line <&6
	said="$said$line|"
done
exec 5>&- 6<&-
wait $!
ktap_equal "one at a time is answered at once, and the end is no error" \
	"0 $(no_vma "$pid" 0x1000)|$(no_vma "$pid" 0x2000)|" "$? $said"
ktap_run "the last line needs no newline" sh -c "
	printf %s '$pid 0x1000' | '$client' walk >$tmp/last && [ \"\$(cat $tmp/last)\" = '$(no_vma "$pid" 0x1000)' ]"

# One by one, every n-th.
step=$((count / 15))
awk -v step=$step 'NR % step == 0' "$tmp/questions" >"$tmp/few"
awk -v step=$step 'NR % step == 0' "$tmp/bulk" >"$tmp/expected"
while read -r who va; do
	"$client" walk "$who" "$va" </dev/null
done <"$tmp/few" >"$tmp/single"
ageless "$tmp/single"
ktap_run "one by one, the same answers" cmp "$tmp/expected" "$tmp/single"
"$client" walk "$(head -n 1 "$tmp/few")" >"$tmp/one"
ageless "$tmp/one"
ktap_equal "words of a question may be one argument" "$(head -n 1 "$tmp/expected")" "$(cat "$tmp/one")"
ktap_equal "levels" 7 "$("$client" walk "$pid" "$(word_of some anon 2)" levels | wc -l)"

# The other conversations, whose answers have many lines.
yes "$pid" | head -n 100 >"$tmp/many"
for name in vmas extents; do
	"$client" $name "$pid" >"$tmp/single"
	"$client" $name <"$tmp/many" >"$tmp/bulk"
	ktap_run "$name: the answer ends with its totals" grep -q "^# end pid=$pid .*rows=" "$tmp/single"
	ktap_equal "$name: 100 answers, as long each" $((100 * $(wc -l <"$tmp/single"))) "$(wc -l <"$tmp/bulk")"
done
pa=$("$client" walk "$pid" "$(word_of some anon 2)" | sed 's/.* pa=\([^ ]*\).*/\1/')
ktap_equal "rmap: who maps it" "$pid $(word_of some anon 2) 4K rw-u subject" \
	"$("$client" rmap "$pa" | sed -n 2p)"
for name in tasks vm heapmax kstack kmem; do
	ktap_equal "$name: the table" "$(head -n 1 "$proc/$name" | tr -s ' ')" \
		"$("$client" "$name" | head -n 1 | tr -s ' ')"
done

ktap_equal "a question that is refused: status 1" "1 $(bad need-0x)" \
	"$(status_of walk "$pid" 1000) $(cat "$tmp/out")"
ktap_equal "one of many is refused: status 1" "1 3" \
	"$(printf '%s\n' "$pid 0x1000" "$pid" "$pid 0x2000" | {
		"$client" walk >"$tmp/out"
		echo $?
	}) $(wc -l <"$tmp/out")"
ktap_equal "a process that is not there: status 1" 1 "$(status_of vmas 2147483647)"
ktap_equal "a line of 100,000 bytes has one answer, and the next its own" "$(bad too-long) $(no_vma "$pid" 0x1000)" \
	"$( { head -c 100000 /dev/zero | tr '\0' 1; echo; echo "$pid 0x1000"; } | "$client" walk | paste -sd ' ' -)"
ktap_equal "no such file: status 2" 2 "$(status_of wlak)"
ktap_equal "no arguments: status 2, and how to use it" "2 yes" \
	"$(status_of) $(grep -q 'memintro walk' "$tmp/err" && echo yes)"

# What it cannot do, it says in a line of its own.
chmod 755 "$tmp"
cp "$client" "$tmp/client"
ktap_run "not root: it says so" refuses root nobody "$tmp/client" walk "$pid" 0x1000
ktap_run "not root, for a table: it says so" refuses root nobody "$tmp/client" tasks
ktap_run "root without capabilities: it names the file" \
	refuses /proc/memintro/walk only -sys_admin "$client" walk "$pid" 0x1000
unload
ktap_run "not loaded: it says so" refuses "not loaded" "$client" walk "$pid" 0x1000
ktap_finish
