#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# foreign.sh TARGET PROGRAM SOURCE...: builds a test for another kind of machine and runs it,
# here if this kernel can, else under qemu's user emulation. Skips (77) without a toolchain.
#
#	m32	32 bits, where uint64_t has another alignment
#	s390x	big-endian, 64 bits
set -eu

target=$1
program=$2
shift 2
top=$(cd "$(dirname "$0")/../.." && pwd)

case $target in
m32)
	# gcc-N-multilib, because gcc-multilib and cross compilers exclude each other; what is
	# missing without it is a link to the asm/ headers, which serve both.
	compiler="gcc -m32 -idirafter /usr/include/$(gcc -print-multiarch 2>/dev/null)"
	emulator=qemu-i386
	packages="gcc-$(gcc -dumpversion 2>/dev/null)-multilib libc6-dev-i386 qemu-user"
	;;
s390x)
	compiler=s390x-linux-gnu-gcc
	command -v $compiler >/dev/null || compiler="clang --target=s390x-linux-gnu"
	emulator=qemu-s390x
	packages="gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user"
	;;
*)
	echo "unknown target $target" >&2
	exit 2
	;;
esac

skip() {
	echo "skipped: $1 (packages: $packages)"
	exit 77
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
printf '#include <stdio.h>\nint main(void) { puts("runs"); return 0; }\n' >"$dir/probe.c"
# shellcheck disable=SC2086 # the compiler is a command with options
$compiler -static "$dir/probe.c" -o "$dir/probe" 2>/dev/null || skip "no compiler for $target"
run=
if [ "$("$dir/probe" 2>/dev/null)" != runs ]; then
	[ "$("$emulator" "$dir/probe" 2>/dev/null)" = runs ] || skip "nothing here runs $target programs"
	run=$emulator
fi

arguments=
sources=
for a; do
	case $a in
	*.c) sources="$sources $a" ;;
	*) arguments="$arguments $a" ;;
	esac
done
# shellcheck disable=SC2086
$compiler -static -std=gnu17 -O1 -g -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-missing-field-initializers -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fno-strict-aliasing \
	-I"$top" -I"$top/proto" -I"$top/tests" -I"$top/tests/wire/foreign" \
	$sources -o "$dir/$program"
# shellcheck disable=SC2086
$run "$dir/$program" $arguments
