#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A destination that becomes full: one line a file that has no room, not one an extent, and no
# further files are tried. What is said is true, and nothing that was received looks complete.
# shellcheck disable=SC2154 # make_btrfs sets source and mnt
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl extentd
make_btrfs source 512M compress=zstd
make_btrfs mnt 128M

base64 -w0 /dev/urandom | head -c 4194304 >"$work/piece"
btrfs -q subvolume create "$source/tree"
for ((i = 0; i < 45; i++)); do
	{ echo $i; cat "$work/piece"; } >"$source/tree/f$i"
done
btrfs -q subvolume snapshot -r "$source/tree" "$source/s"
files=$(find "$source/tree" -type f | wc -l)

# one_line_a_file WHAT: in $work/said
one_line_a_file() {
	local lines names

	names=$(grep -oE 'f[0-9]+: ' "$work/said" | sort)
	lines=$(wc -l <<<"$names")
	[ -n "$names" ] || fail "$1: no file is named: $(head -5 "$work/said")"
	[ "$(uniq -d <<<"$names")" = "" ] || fail "$1: $(uniq -c <<<"$names" | sort -rn | head -3) lines"
	[ "$lines" -lt $((files / 2)) ] || fail "$1: went on: $lines of $files files"
	say "$1: $lines files of $files named in $(wc -l <"$work/said") lines"
}

start_extentd --backend uring
"$extentctl" copy "--socket=$socket" "$source/tree" "$mnt/copy" >"$work/said" 2>&1
[ $? = 1 ] || fail "copy to a full filesystem: another status"
grep -q "No space left on device" "$work/said" || fail "the cause is not said"
one_line_a_file copy
grep -q "$mnt/copy: the rest is not copied: No space left" "$work/said" || fail "the end is not said"
[ "$(find "$mnt/copy" -type f | wc -l)" -lt "$files" ] || fail "the walk did not end"
# What nobody complained about is there.
for name in "$mnt"/copy/f*; do
	grep -q "/$(basename "$name"): " "$work/said" ||
		cmp -s "$name" "$source/tree/$(basename "$name")" || fail "$name is not what it was"
done
rm -rf "$mnt/copy"
sync -f "$mnt"

btrfs -q send --proto 2 --compressed-data -f "$work/stream" "$source/s"
for sink in "--socket=$socket" --direct; do
	mkdir -p "$mnt/target"
	"$extentctl" receive "$sink" -f "$work/stream" "$mnt/target" >"$work/said" 2>&1
	[ $? = 1 ] || fail "receive $sink on a full filesystem: another status"
	one_line_a_file "receive $sink"
	[ ! -e "$mnt/target/s" ] || fail "what is incomplete has the name of something complete"
	"$extentctl" receive --abort "$mnt/target" 2>/dev/null || fail "--abort"
	btrfs -q subvolume sync "$mnt"
done
