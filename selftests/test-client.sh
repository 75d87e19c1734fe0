#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usually: 11 s
#
# Property: each command of the client that draws and explains answers about PID 1, about
# a process with every kind of page and one of 20,000 mappings, and says what hinders it
# about one that ends meanwhile, a kernel thread, no process, as another user, and without
# the module; no line is wider than the terminal; all JSON parses and has every key of the
# line it came from.
#
#	MAPPINGS=300000 test-client.sh

# shellcheck disable=SC2317 # ktap_run and about call functions
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_client
need_reloadable_module
prepare_memory

mappings=${MAPPINGS:-20000}
ktap_plan 69
unset LC_ALL LC_CTYPE LANG COLUMNS NO_COLOR
start all "$bin/subject" || {
	ktap_diag <"$tmp/all.err"
	exit 1
}
all=$(pid_of all)
anon=$(word_of all anon 2)

# Every command about a process, and one of its addresses.
about() { # FUNCTION PID VA
	"$1" explain "$2" "$3"
	"$1" map "$2"
	"$1" who "$2" "$3"
	"$1" shared "$2" 1
	"$1" contiguous "$2"
	"$1" watch "$2" -n 0.01 --count 2
	"$1" wx "$2"
}

# One result: a command answers, in ASCII, in lines that fit.
answers() { # COMMAND PID ARGUMENT...
	for columns in 60 200; do
		COLUMNS=$columns "$client" --ascii "$@" >"$tmp/out.$columns" 2>"$tmp/err" </dev/null || {
			ktap_diag <"$tmp/err"
			ktap_not_ok "$1: $who: answers"
			return
		}
		wide=$(awk -v columns="$columns" 'length($0) > columns' "$tmp/out.$columns" | head -n 3)
		[ -z "$wide" ] || break
	done
	[ -s "$tmp/err" ] && wide=$(cat "$tmp/err")
	[ -s "$tmp/out.60" ] || wide="no output"
	ktap_equal "$1: $who: answers, in lines that fit" "" "$wide"
}

who="PID 1"
about answers 1 "0x$(sed -n 's/-.* r-xp .*//p;' /proc/1/maps | head -n 1)"
who="every kind of page"
about answers "$all" "$anon"

# These kinds are explained, and the next touch is what the kind is for.
while read -r kind va _; do
	case $kind in anon | untouched | outside | zero | protnone | guard | swap | thp | poison) ;; *) continue ;; esac
	COLUMNS=80 "$client" explain "$all" "$va" >"$tmp/explained" 2>&1 ||
		ktap_diag "$kind: $(cat "$tmp/explained")"
	sed "s/^/$kind: /" "$tmp/explained"
done <"$tmp/all.out" >"$tmp/kinds"
says() { # KIND TEXT...
	says_kind=$1
	shift
	for text; do
		grep "^$says_kind: " "$tmp/kinds" | grep -q "$text" || {
			grep "^$says_kind: " "$tmp/kinds"
			return 1
		}
	done
}
ktap_run "explain: memory of one's own" says anon 'a page of 4K' 'this process alone' 'a read *no fault' 'a write *no fault'
ktap_run "explain: never touched" says untouched 'never touched' 'a read *minor fault: the zero page' 'a write *minor fault: a new page'
ktap_run "explain: no mapping" says outside 'no mapping of the process' 'a read *SIGSEGV' 'a write *SIGSEGV'
ktap_run "explain: the zero page" says zero 'the zero page' 'a write *minor fault: copy on write'
ktap_run "explain: PROT_NONE" says protnone 'a read *SIGSEGV' 'a write *SIGSEGV'
ktap_run "explain: a guard page" says guard 'a guard marker' 'a read *SIGSEGV'
ktap_run "explain: swap" says swap 'in swap' 'a read *major fault'
ktap_run "explain: a huge page" says thp 'a page of 2M' '20-0'
ktap_run "explain: poison" says poison 'SIGBUS'
ktap_run "explain: what the page is used for" says anon 'used as *memory of processes'
ktap_run "explain: kernel memory" sh -c "'$client' explain kernel \"\$(awk '\$1 == \"vmalloc\" { print \$2 }' /proc/memintro/kmem)\" | grep -q 'region vmalloc.*__pa() gives'"
ktap_run "wx: the kernel" sh -c "'$client' wx | grep -q '^writable and executable: '"

# Forked processes have what they did not write in common.
start family "$bin/shared" || exit 1
# shellcheck disable=SC2046 # the PIDs
set -- $(awk '$1 == "anon" { print $2 }' "$tmp/family.out")
ktap_run "shared: after a fork" sh -c "'$client' shared $1 $2 | tr '\n' ' ' | grep -q 'copy on write'"
ktap_run "who: a file by its name" sh -c "'$client' who 1 0x$(sed -n 's/-.* r-xp .*//p' /proc/1/maps | head -n 1) | tr '\n' ' ' | grep -qE '(page cache|a file in tmpfs): $(readlink -f /proc/1/exe) from byte 0x'"
ktap_run "who: all of them" sh -c "'$client' who $1 $(word_of family "anon $1" 3) | grep -q 'of 3 processes'"
stop family

# What is touched, and given back, is seen by the next look. The looks stop while something
# is done, so that it does not matter how long that takes; there are 2,000 at most.
mkfifo "$tmp/do" "$tmp/did" "$tmp/seen"
"$bin/lazy" 1M <"$tmp/do" >"$tmp/did" &
lazy=$!
exec 5>"$tmp/do" 6<"$tmp/did"
read -r _ <&6 && read -r _ <&6
"$client" watch $lazy -n 0.01 --count 2000 >"$tmp/seen" 5>&- 6<&- &
watch=$!
exec 7<"$tmp/seen"
# The first look is taken when the heads are there.
read -r _ <&7 && read -r _ <&7
sees() { # WHAT WHAT_IS_SEEN
	kill -STOP "$watch"
	echo "$1" >&5
	read -r _ <&6
	kill -CONT "$watch"
	while read -r line <&7; do
		case $line in *"$2"*) return 0 ;; esac
	done
	return 1
}
ten=$((10 * page_size / 1024))K
ktap_run "watch: what was touched" sees 'write 10' "+$ten"
ktap_run "watch: what was given back" sees 'free 10' "-$ten"
exec 5>&-
wait $lazy
while read -r line <&7; do last=$line; done
wait $watch
ktap_equal "watch: it ends with the process, and says so" "0 yes" \
	"$? $(echo "$last" | grep -qE "no process $lazy|process $lazy has ended" && echo yes)"
exec 6<&- 7<&-

# Long answers: what is longer than a pipe holds, and what nothing is longer than.
start few "$bin/hog" --pieces 4000 || exit 1
few=$(pid_of few)
ktap_equal "map --top: as many as wanted" 5 "$("$client" map "$few" --top 5 | grep -c '^0x')"
"$client" map "$few" --top 50 --svg "$tmp/map.svg"
ktap_run "map --svg: a picture" sh -c "head -c 5 '$tmp/map.svg' | grep -q '<svg ' && tail -n 1 '$tmp/map.svg' | grep -q '</svg>'"
ktap_run "a reader that has enough is no error" sh -c "{ '$client' map $few; echo \$? >&3; } 3>'$tmp/status' | head -n 1 && grep -qx 0 '$tmp/status'"
stop few
set_until_end /proc/sys/vm/max_map_count $((mappings + 100))
start many "$bin/hog" --pieces "$mappings" --sparse || exit 1
many=$(pid_of many)
ktap_equal "map: $mappings mappings, a line for each" yes \
	"$("$client" map "$many" | wc -l | awk -v n="$mappings" '{ print ($1 >= n ? "yes" : $1) }')"
ktap_run "contiguous: $mappings mappings" sh -c "'$client' contiguous $many | grep -q ' in .* run'"
# It ends in the middle: an answer or a reason, and no more.
for command in map contiguous wx; do
	"$client" $command "$many" >"$tmp/$command.out" 2>"$tmp/$command.err" &
	eval "asked_$command=$!"
done
stop many
wrong=''
for command in map contiguous wx; do
	eval "wait \$asked_$command"
	case $? in
	0) [ -s "$tmp/$command.out" ] && [ ! -s "$tmp/$command.err" ] ;;
	1) [ ! -s "$tmp/$command.out" ] && grep -q '^memintro: ' "$tmp/$command.err" ;;
	*) false ;;
	esac || wrong="$wrong $command: $(cat "$tmp/$command.err")"
done
ktap_equal "one that ends meanwhile: an answer, or a reason" "" "$wrong"

# What cannot be answered is said in one line.
says_why() { # COMMAND PID ARGUMENT...
	"$client" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	[ "$? $(wc -l <"$tmp/err") $(wc -c <"$tmp/out")" = "1 1 0" ] && grep -q "^memintro: .*$word" "$tmp/err" ||
		wrong="$wrong $1: $(cat "$tmp/err")"
}
why() { # NAME WORD PID
	word=$2 wrong=''
	about says_why "$3" 0x1000
	ktap_equal "$1: each command says so" "" "$wrong"
}
why "a kernel thread" "is a kernel thread" 2
why "no such process" "there is no process" 2147483647
chmod 755 "$tmp"
cp "$client" "$tmp/client"
as_nobody() {
	refuses "type: sudo memintro" nobody "$tmp/client" "$@" || wrong="$wrong $1: $(cat "$tmp/err")"
}
wrong=''
about as_nobody 1 0x1000
ktap_equal "another user: each command says so" "" "$wrong"

# Misuse, help.
ktap_equal "a PID that is none: status 2" 2 "$(status_of map x)"
ktap_equal "an unknown option: status 2" 2 "$(status_of map 1 --wide)"
ktap_equal "an unknown column: status 2, and which there are" "2 yes" \
	"$(status_of vm --sort X) $(grep -q 'RSS_KB' "$tmp/err" && echo yes)"
ktap_equal "--help: status 0, on standard output" "0 yes" \
	"$(status_of --help) $([ ! -s "$tmp/err" ] && grep -q explain "$tmp/out" && echo yes)"
ktap_equal "--version: status 0" "0 memintro" "$(status_of --version) $(sed 's/ .*//' "$tmp/out")"

# Colours, characters.
escape=$(printf '\033')
ktap_run "no colours where it is no terminal" sh -c "! '$client' map 1 | grep -q '$escape'"
ktap_run "--color always: colours" sh -c "'$client' map 1 --color always | grep -q '$escape'"
ktap_run "lines where the locale has them" sh -c "LC_ALL=C.UTF-8 '$client' explain 1 0x1000 >/dev/null && LC_ALL=C.UTF-8 '$client' map 1 | grep -q '█'"

# JSON: an object is keys and plain values, and has the keys of the line it came from, in
# their order. One program looks at all of it, as it takes long to start one here.
start names "$bin/odd-maps" 2>/dev/null || exit 1
mkdir "$tmp/json"
json() { # ARGUMENT...
	echo "$1${2+: QUESTION}${3+ ...}: --json is objects with every key" >>"$tmp/json/names"
	json_count=$(wc -l <"$tmp/json/names")
	"$client" "$@" >"$tmp/json/$json_count.text"
	"$client" "$@" --json >"$tmp/json/$json_count.json"
	json_files="${json_files-} $tmp/json/$json_count.text $tmp/json/$json_count.json"
}
for name in tasks vm heapmax kstack kmem layout; do json $name; done
json walk "$all" "$anon" levels
json walk "$all" 1000
json vmas "$(pid_of names)"
json extents "$all"
json rmap "$("$client" walk "$all" "$anon" | sed 's/.* pa=\([^ ]*\).*/\1/')"
json page "$all" "$anon"
json page 0x0-0xffffff totals
json tables "$all"
# shellcheck disable=SC2086 # no file has a blank in its name
awk -v count="$json_count" '
	BEGIN {
		string = "\"([^\"\\\\]|\\\\([\"\\\\/bfnrt]|u[0-9a-f][0-9a-f][0-9a-f][0-9a-f]))*\""
		pair = string ":(" string "|null|[0-9]+)"
		object = "^\\{" pair "(," pair ")*\\}$"
	}
	FNR == 1 { n = FILENAME; sub(/.*\//, "", n); is_text = sub(/\.text$/, "", n); sub(/\.json$/, "", n); last = header = "" }
	is_text && /^[A-Z]/ { header = ""; for (i = 1; i <= NF; i++) header = header " " $i; next }
	is_text {
		list = header
		if (sub(/^# end /, "") || /^[a-z]+=/) {
			list = ""
			for (i = 1; i <= NF; i++) list = list " " substr($i, 1, index($i, "=") - 1)
		}
		if (list != last) text[n] = text[n] list ";"
		last = list
		next
	}
	$0 !~ object { wrong[n] = "no object: " $0 }
	{
		list = ""
		while (match($0, /"[A-Za-z0-9_]+":/)) {
			list = list " " substr($0, RSTART + 1, RLENGTH - 3)
			$0 = substr($0, RSTART + RLENGTH)
		}
		if (list != last) json[n] = json[n] list ";"
		last = list
	}
	END {
		for (n = 1; n <= count; n++)
			print wrong[n] (json[n] == "" ? "nothing" : json[n] != text[n] ? text[n] " is" json[n] : "")
	}' $json_files >"$tmp/json/verdicts"
while read -r verdict <&3; do
	read -r name <&4
	ktap_equal "$name" "" "$verdict"
done 3<"$tmp/json/verdicts" 4<"$tmp/json/names"
ktap_run "metrics: text that a collector takes" sh -c "'$client' metrics >'$tmp/metrics' &&
	! grep -vE '^# (HELP|TYPE) [a-z_]+ .|^# EOF\$|^[a-z_]+\\{comm=\".*\"\\} [0-9]+\$' '$tmp/metrics' && grep -q '^memintro_huge_bytes' '$tmp/metrics'"

ktap_run "metrics: by cgroup" sh -c "'$client' metrics --by cgroup | grep -q '^memintro_processes{cgroup=\"/.*\"} [1-9]'"

# What a shell that completes asks for.
completes() { # WORD BEGUN...
	wanted=$1
	shift
	COMPLETE=bash _CLAP_COMPLETE_INDEX=$# _CLAP_IFS='
' "$client" -- memintro "$@" | grep -qx "$wanted"
}
ktap_run "completion: commands" completes contiguous con
ktap_run "completion: processes" completes "$all" map ''

unload
as_root() {
	refuses "not loaded; type: sudo modprobe" "$client" "$@" || wrong="$wrong $1: $(cat "$tmp/err")"
}
wrong=''
about as_root 1 0x1000
ktap_equal "not loaded: each command says so" "" "$wrong"
ktap_run "not loaded: the doctor says what to type" sh -c "! '$client' doctor >'$tmp/out' && grep -q '^no *module' '$tmp/out'"
ktap_finish
