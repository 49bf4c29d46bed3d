#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files that became shorter: their last extents stay compressed where the plan sees the truncation,
# and are decompressed without it, as btrfs receive does. The content is the same.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl extentd
make_btrfs mnt 512M compress=zstd

# shellcheck disable=SC2154 # make_btrfs sets it
btrfs -q subvolume create "$mnt/tree"
lengths='100 4097 5000 131072 131073 200001 262143 1000000'
for length in $lengths; do
	yes "a line that repeats" | head -c 1500000 >"$mnt/tree/f$length"
done
btrfs -q subvolume snapshot -r "$mnt/tree" "$mnt/s0"
for length in $lengths; do
	# Rewritten whole, so that the end is an extent of its own; and one that is only cut.
	truncate -s "$length" "$mnt/tree/f$length"
	yes "another line" | head -c "$length" | dd of="$mnt/tree/f$length" conv=notrunc status=none
done
truncate -s 77777 "$mnt/tree/f1000000"
btrfs -q subvolume snapshot -r "$mnt/tree" "$mnt/s1"
btrfs -q send --proto 2 --compressed-data -f "$work/full" "$mnt/s0"
btrfs -q send --proto 2 --compressed-data -p "$mnt/s0" -f "$work/increment" "$mnt/s1"

decoded() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["decoded"])' "$1"; }

# received NAME OPTION...: $count of the increment's extents were decompressed
received() {
	local target=$mnt/$1 name

	shift
	mkdir "$target"
	"$extentctl" receive "$@" -f "$work/full" "$target" || fail "$*: the full stream"
	"$extentctl" receive "$@" --json -f "$work/increment" "$target" >"$work/report" ||
		fail "$*: the increment"
	for name in "$mnt"/s1/*; do
		cmp "$name" "$target/s1/$(basename "$name")" || fail "$*: content"
	done
	count=$(decoded "$work/report")
}

start_extentd --backend uring
for sink in --direct "--socket=$socket"; do
	received "planned${sink%%=*}" "$sink"
	[ "$count" = 0 ] || fail "$sink: $count extents were decompressed"
	for name in "$mnt"/s1/*; do
		all_encoded "$name" || continue # where a compressed extent was cut
		all_encoded "$mnt/planned${sink%%=*}/s1/$(basename "$name")" || fail "$name is not compressed"
	done
	received "literal${sink%%=*}" "$sink" --no-plan
	[ "$count" -ge 3 ] || fail "$sink --no-plan: $count were decompressed: does this test test anything?"
	say "$sink: 0 decompressed, $count without the plan"

	# The truncation is not the next command, but near enough.
	for plan in '' --no-plan; do
		target=$mnt/apart${sink%%=*}$plan
		mkdir "$target"
		# shellcheck disable=SC2086 # an option or none
		"$build/tests/stream/hostile" tail-not-next |
			"$extentctl" receive "$sink" $plan --json "$target" >"$work/report" || fail "$sink $plan: apart"
		count=$(decoded "$work/report")
		[ "$count" = "$([ "$plan" ] && echo 1 || echo 0)" ] || fail "$sink $plan, apart: $count decompressed"
		{
			printf before
			head -c 8186 /dev/zero
			head -c 5000 /dev/zero | tr '\0' x
		} | cmp - "$target/s/f" || fail "$sink $plan, apart: content"
	done
done
