#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A file that becomes shorter while it is read: that is said, and the copy has the length that the
# file has then, to the byte. strace stops the copy in the middle of its reads.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl extentd command strace
make_btrfs mnt 512M
start_extentd

size=$((24 << 20))
source=$work/source # no btrfs: read by several threads, piece by piece

# Each of the reading threads comes to its eighth read, and stops all.
goes_on_and_ends() {
	kill -CONT "$(awk '/stopped by SIGSTOP/ { print $1; exit }' "$work/trace")"
	process_ended_or_zombie "$1"
}

# shrunk BYTES: to so many while it is read
shrunk() {
	local to=$1 status

	head -c $size /dev/urandom >"$source"
	# shellcheck disable=SC2154 # make_btrfs sets it
	rm -rf "$work/trace" "$mnt/copy"
	strace -f -qq -o "$work/trace" -P "$source" -e trace=pread64 \
		-e inject=pread64:signal=STOP:when=8 \
		"$extentctl" copy -q "$source" "$mnt/copy" 2>"$work/said" &
	cleanup_fn kill -KILL $! 2>/dev/null
	wait_for 30 grep -q 'stopped by SIGSTOP' "$work/trace" || fail "the copy was not stopped: $(cat "$work/said")"
	truncate -s "$to" "$source"
	wait_for 60 goes_on_and_ends $! || fail "to $to: does not end"
	wait $!
	status=$?
	undo=("${undo[@]:0:${#undo[@]}-1}")
	[ $status -eq 1 ] || fail "to $to: exit $status: $(cat "$work/said")"
	grep -q "shrank while it was read" "$work/said" || fail "to $to: $(cat "$work/said")"
	[ "$(wc -l <"$work/said")" = 1 ] || fail "to $to: said more than once: $(cat "$work/said")"
	cmp "$source" "$mnt/copy" || fail "to $to: the copy is $(stat -c %s "$mnt/copy") bytes"
}

shrunk $((size - 100)) # within the last sector
shrunk $((size - 131072 - 5000)) # within a piece
shrunk 5000001 # some pieces were read before and behind
