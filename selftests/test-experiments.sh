#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: what docs/experiments.md tells to type works as it stands, and prints lines of
# the shape that the page shows; what the page claims holds.
#
#	test-experiments.sh --print    prints the page with what came instead

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-memory.sh
. "$here/lib-memory.sh"
# shellcheck source-path=SCRIPTDIR source=lib-ask.sh
. "$here/lib-ask.sh"
need_client
page=$here/../docs/experiments.md
[ -e "$page" ] || ktap_skip_all "no docs/experiments.md"
[ -e "$here/peer/memintro_peer.ko" ] || ktap_skip_all "no selftests/peer/memintro_peer.ko"
need_module
prepare_memory

# One shell types all of it, as that of make shell, and says where each line begins.
# shellcheck disable=SC2016 # the typing shell's
{
	printf 'PATH=%s:%s:$PATH\n' "${client%/*}" "$bin"
	echo 'ask() { f=$1; shift; { echo "$*" >&3 && cat <&3; } 3<>/proc/memintro/$f; }
		export COLUMNS=80 LC_CTYPE=C.UTF-8'
	awk '/^    \$ / { sub(/^    \$ /, ""); printf "echo \"@@ %d\"\n%s\n", NR, $0 }' "$page"
} >"$tmp/typed"
(cd "$here/.." && timeout 300 bash "$tmp/typed" >"$tmp/said" 2>&1 </dev/null)

# The page with what came, as --print shows it.
awk -v said="$tmp/said" '
	BEGIN {
		while ((getline line <said) > 0)
			if (line ~ /^@@ [0-9]+$/) at = substr(line, 4); else came[at] = came[at] "    " line "\n"
	}
	/^    \$ / { print; printf "%s", came[NR]; next }
	!/^    / { print }' "$page" >"$tmp/page"
[ "${1-}" != --print ] || {
	cat "$tmp/page"
	exit
}

# The shape of a line: its first four words, whatever its numbers, sizes, addresses and
# bars are. What a line that was full goes on with is left out of what must come.
shapes() { # FILE [ALL]
	LC_ALL=C awk -v all="${2-}" '
		/^## / { section = $2 }
		/^    / && !/^    \$ / {
			first = substr($0, 5)
			sub(/ .*/, "", first)
			goes_on = length(last) + 1 + length(first) > 84 || /^ {16}/
			last = $0
			gsub(/0x[0-9a-f]+/, "X")
			gsub(/[0-9][0-9,.]*[KMGT]?/, "N")
			gsub(/[\200-\377]+/, " ")
			# What an entry allows is said on some architectures only.
			gsub(/ [r-][w-][x-][uk] /, " ")
			if (all || !goes_on) print section, $1, $2, $3, $4
			next
		}
		{ last = "" }' "$1" | sort -u
}
shapes "$page" >"$tmp/shown"
# The page shows five levels; a machine with four has no p4d.
! grep -q '^    level=p4d .*folded=yes' "$tmp/page" || sed -i '/ pNd/d' "$tmp/shown"
shapes "$tmp/page" all >"$tmp/came"
sections=$(sed -n 's/^## \([0-9]*\.\).*/\1/p' "$page")
ktap_plan $(($(echo "$sections" | wc -l) + 8))
for section in $sections; do
	title=$(sed -n "s/^## $section /$section /p" "$page")
	grep "^$section " "$tmp/shown" >"$tmp/shown.section"
	missing=$(comm -23 "$tmp/shown.section" "$tmp/came")
	[ -s "$tmp/shown.section" ] || missing="nothing is shown"
	ktap_equal "$title: what is shown comes" "" "$missing"
done

# What came in a section.
came() { # SECTION
	awk -v section="$1." '/^## / { on = $2 == section } on && /^    /' "$tmp/page"
}
ktap_run "5: nothing, then the zero page, then 100 pages" sh -c "
	[ \"\$(echo \"\$1\" | grep -oE ' (present|zero)_kb=[0-9]+' | tr -d '\n')\" = ' present_kb=0 zero_kb=$((1000 * page_size / 1024)) present_kb=$((100 * page_size / 1024)) zero_kb=$((900 * page_size / 1024))' ]" sh "$(came 5 | grep '# end .* totals\|# end .*empty_kb=' | tail -n 2)"
# shellcheck disable=SC2046 # one word per index
ktap_equal "6: the indices are those of the tables" \
	"$(came 6 | sed -n 's/.*level=[^ ]* index=\([0-9][0-9]*\) .* folded=no/\1/p' | tr '\n' ' ')" \
	"$(set -- $(came 6 | grep -E '^    [0-9]+( [0-9]+){4}$'); n=$(came 6 | grep -c 'index=[0-9].* folded=no'); shift $((5 - n)); echo "$* ")"
ktap_run "7: they agree" sh -c "echo \"\$1\" | tr -s ' \n' ' ' | grep -q 'is right here'" sh "$(came 7)"
ktap_run "8: they do not" sh -c "echo \"\$1\" | tr -s ' \n' ' ' | grep -q 'which is another place'" sh "$(came 8)"
ktap_run "9: the record" sh -c "echo \"\$1\" | grep -q 'id=1530 value=50'" sh "$(came 9)"
ktap_run "10: less is common after the write" sh -c "
	echo \"\$1\" | awk '/^    Of / { sub(/M.*/, \"\", \$2); part[++n] = \$0; gsub(/.*\\(|%.*/, \"\", part[n]) }
		END { exit !(n == 2 && part[2] + 20 < part[1]) }'" sh "$(came 10 | sed 's/\([0-9]*\)%).*/\1%/')"
ktap_run "11: a huge page" sh -c "echo \"\$1\" | grep -q 'a page of [0-9]*M'" sh "$(came 11)"
ktap_run "12: more than one process" sh -c "echo \"\$1\" | grep -qE ' of [0-9]+ processes|One process'" sh "$(came 12)"
ktap_finish
