#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Property: each malformed question is refused with its own error, and after EINVAL or
# ESRCH the next read fails with ENODATA: a script that ignores the error never reads
# the answer to an older question.

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
need_module

start family "$bin/spawn" 0 --zombies 1 || exit 1
zombie=$(word_of family zombie 2)
kernel_thread=$(awk '$2 == "(kthreadd)" { print $1 }' /proc/2/stat)
true & # a process that was there and is no more
absent=$!
wait "$absent"

plan=0
# The cases are run twice: first they only count.
for pass in count run; do
	[ "$pass" = count ] || ktap_plan "$plan"

	# One result: a good question, then a bad one, its error, and ENODATA.
	refuse() { # ERRNO NAME TEXT [OPTION...]
		if [ "$pass" = count ]; then
			plan=$((plan + 1))
			return
		fi
		errno=$1 name="$1: $2" text=$3
		shift 3
		echo "$$ 0x1000" >"$walk"
		read -r before <"$walk"
		ktap_equal "$name" "no-vma, $errno, ENODATA" "$before, $(put "$text" "$@"), $(get)"
	}

	refuse EINVAL "a lone newline" '\n'
	refuse EINVAL "a blank" ' '
	refuse EINVAL "blanks and a newline" ' \t \n'
	refuse EINVAL "one word" "$$\n"
	refuse EINVAL "one word, the address" '0x1000\n'
	refuse EINVAL "three words" "$$ 0x1000 0x2000\n"
	refuse EINVAL "levels, which belongs to conversations" "$$ 0x1000 levels\n"
	refuse EINVAL "two lines" "$$ 0x1000\n$$ 0x1000\n"
	refuse EINVAL "two lines, the second without an end" "$$ 0x1000\n$$ 0x1000"
	refuse EINVAL "an empty second line" "$$ 0x1000\n\n"
	refuse EINVAL "an empty first line" "\n$$ 0x1000\n"
	refuse EINVAL "words on two lines" "$$\n0x1000\n"
	refuse EINVAL "no 0x" "$$ 1000\n"
	refuse EINVAL "no 0x before letters" "$$ deadb000\n"
	refuse EINVAL "0X for 0x" "$$ 0X1000\n"
	refuse EINVAL "0x without digits" "$$ 0x\n"
	refuse EINVAL "not a hex digit" "$$ 0x10g0\n"
	refuse EINVAL "17 hex digits" "$$ 0x00000000000001000\n"
	refuse EINVAL "a range" "$$ 0x1000-0x2000\n"
	refuse EINVAL "a minus before the address" "$$ -0x1000\n"
	refuse EINVAL "a plus before the address" "$$ +0x1000\n"
	refuse EINVAL "a minus inside the address" "$$ 0x-1000\n"
	refuse EINVAL "a negative PID" "-1 0x1000\n"
	refuse EINVAL "a plus before the PID" "+$$ 0x1000\n"
	refuse EINVAL "a PID in hex" '0x1 0x1000\n'
	refuse EINVAL "a PID with a letter" "$$a 0x1000\n"
	refuse EINVAL "a PID of 11 digits" '00000000001 0x1000\n'
	refuse EINVAL "a PID of 20 digits" '18446744073709551617 0x1000\n'
	refuse EINVAL "the greatest number of 10 digits" '9999999999 0x1000\n'
	refuse EINVAL "2^32 and this PID: no wrapping round" "$((4294967296 + $$)) 0x1000\n"
	refuse EINVAL "2^31" '2147483648 0x1000\n'
	refuse EINVAL "the words swapped" "0x1000 $$\n"
	refuse EINVAL "self" 'self 0x1000\n'
	refuse EINVAL "kernel without an address" 'kernel\n'
	refuse EINVAL "a user address for kernel" 'kernel 0x1000\n'
	refuse EINVAL "two carriage returns" "$$ 0x1000\r\r\n"
	refuse EINVAL "a vertical tab between the words" "$$\v0x1000\n"
	refuse EINVAL "a NUL after the question" "$$ 0x1000\0"
	refuse EINVAL "a NUL between the words" "$$\00x1000\n"
	refuse EINVAL "a byte that is no text" "$$ 0x1000\xff\n"
	refuse EINVAL "a digit that is not ASCII" "\xd9\xa1 0x1000\n"
	refuse EINVAL "257 bytes, all blank but the question" "$(printf '%-257s' "$$ 0x1000")"
	refuse EINVAL "4095 bytes of digits" '1' --size 4095
	refuse EINVAL "4096 bytes, a page" '1' --size 4096
	refuse EINVAL "5000 bytes, more than sysfs passes on" '1' --size 5000
	refuse EINVAL "5000 bytes of questions" "$$ 0x1000\n" --size 5000
	refuse EINVAL "5000 blanks" ' ' --size 5000

	refuse EINVAL "the first kernel address" "$$ 0xffff800000000000\n"
	refuse EINVAL "the kernel's text" "$$ 0xffffffff81000000\n"
	refuse EINVAL "the last address" "$$ 0xffffffffffffffff\n"
	refuse EINVAL "the vsyscall page" "$$ 0xffffffffff600000\n"
	refuse EINVAL "non-canonical, bits 63 and 55" "$$ 0x8080000000000000\n"
	refuse EINVAL "non-canonical, bits 62 and 55" "$$ 0x4080000000000000\n"
	refuse EINVAL "non-canonical, above what five levels reach" "$$ 0x180000000000000\n"
	refuse EINVAL "a kernel address before an absent PID" '2147483647 0xffffffff81000000\n'

	refuse ESRCH "PID 0" '0 0x1000\n'
	refuse ESRCH "the greatest PID there can be" '2147483647 0x1000\n'
	refuse ESRCH "an absent PID" "$absent 0x1000\n"
	refuse ESRCH "a kernel thread" "$kernel_thread 0x1000\n"
	refuse ESRCH "a zombie" "$zombie 0x1000\n"
done
ktap_finish
