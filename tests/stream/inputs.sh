#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is no stream, or not all of one: the error names the file or the offset, the exit code is that
# of a failure, and nothing is made that looks complete.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl
make_btrfs mnt 512M
# shellcheck disable=SC2154 # make_btrfs sets it
target=$mnt/target
mkdir "$target"
"$build/tests/stream/hostile" good >"$work/good"
size=$(stat -c %s "$work/good")

# said STATUS TEXT OPTION...: in a dry run, too
said() {
	local status=$1 text=$2 run output found
	shift 2
	for run in --direct --dry-run; do
		output=$(timeout 20 "$extentctl" receive -q $run "$@" "$target" 2>&1)
		found=$?
		[ $found -eq "$status" ] || fail "$run $*: exit $found: $output"
		[ "${output#*"$text"}" != "$output" ] || fail "$run $*: should have said \"$text\": $output"
		[ ! -e "$target/s" ] || fail "$run $*: something looks complete"
		"$extentctl" receive -q --abort "$target" || fail "--abort"
	done
}

said 4 "$work/missing: No such file or directory" -f "$work/missing"
said 4 "$work: a directory, not a send stream" -f "$work"
: >"$work/empty"
said 1 "stream offset 0: the input is empty, and no stream" -f "$work/empty"
head -c 100000 /dev/urandom >"$work/garbage" # with the magic in front at one of 2^104
said 1 "stream offset 0: no btrfs stream header here" -f "$work/garbage"
{
	head -c 17 "$work/good"
	head -c 100000 /dev/zero | tr '\0' '\377'
} >"$work/header"
said 1 "stream offset 17, command unknown (65535): command longer than the limit" -f "$work/header"
printf 'btrfs-stream\0\377\0\0\0' >"$work/version"
said 1 "stream offset 0: stream version not supported (found 255, expected 3)" -f "$work/version"

# Cut off anywhere: where the command stands that is not whole.
for cut in 5 17 20 40 150 $((size - 10)) $((size - 1)); do
	head -c $cut "$work/good" >"$work/cut"
	case $cut in
	5) text="stream offset 0: the input ends inside the stream (5 bytes of 17)" ;;
	17) text="stream offset 17: the input ends inside the stream (0 bytes of 10)" ;;
	20) text="stream offset 17: the input ends inside the stream (3 bytes of 10)" ;;
	40) text="stream offset 17, command subvol (1): the input ends inside the stream (23 bytes of 47)" ;;
	150) text="stream offset 125, command encoded_write (25): the input ends inside the stream (25 bytes of 84)" ;;
	*) text="stream offset $((size - 10)): the input ends inside the stream ($((cut + 10 - size)) bytes of 10)" ;;
	esac
	said 1 "$text" -f "$work/cut"
done

# Behind a whole stream: that one is received, and the rest is an error all the same.
cat "$work/good" "$work/garbage" >"$work/both"
fails_with "stream offset $size: no btrfs stream header here" "$extentctl" receive -q --direct -f "$work/both" "$target"
[ "$(ls -A "$target")" = s ] || fail "the whole stream before garbage: $(ls -A "$target")"
btrfs property get "$target/s" ro | grep -q true || fail "the whole stream before garbage is not sealed"
