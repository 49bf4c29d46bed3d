#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Streams of btrfs send from random trees: the parser takes all of each, and the dump is that of
# btrfs receive --dump.
#
#	real-streams.sh BUILD-DIR [ROUNDS [SEED]]
set -eu
tools=$(realpath "$1")
rounds=${2:-3}
seed=${3:-1001}
btrfs=${BTRFS:-btrfs}

[ "$(id -u)" = 0 ] || { echo "needs root to mount"; exit 77; }
for tool in "$btrfs" mkfs.btrfs losetup; do
	command -v "$tool" >/dev/null || { echo "needs $tool"; exit 77; }
done

work=$(mktemp -d)
cleanup() {
	umount "$work/mount" 2>/dev/null || true
	rm -rf --one-file-system "$work"
}
trap cleanup EXIT
(setsid "$(dirname "$0")/../common/janitor.sh" $$ "$work" </dev/null >/dev/null 2>&1 &)

# btrfs-progs up to 6.2 printed xattr values and clone sources raw, newlines too, and put commas into
# encoded_write; this brings both sides to what they have in common. The unit test has the rest.
common() {
	LC_ALL=C sed -E -e '/^encoded_write /s/, / /g' \
		-e '/^set_xattr /s/( name=[^ ]*) .* (len=[0-9]+)$/\1 \2/' |
		LC_ALL=C sed -z -E 's/(\nclone [^\n]*) from=[^=]* clone_offset=/\1 clone_offset=/g'
}

same() { # STREAM
	"$btrfs" receive --dump -f "$1" | common >"$work/theirs"
	"$tools/stream-dump" <"$1" | common >"$work/ours"
	diff -a "$work/theirs" "$work/ours" >"$work/diff" || { head -20 "$work/diff"; exit 1; }
	lines=$((lines + $(wc -l <"$work/ours")))
}

echo "seed $seed"
truncate -s 1G "$work/image"
mkfs.btrfs -q "$work/image" >/dev/null
mkdir "$work/mount"
mount -o loop,noatime,compress=zstd "$work/image" "$work/mount"
lines=0
for ((round = 0; round < rounds; round++)); do
	tree=$work/mount/tree$round
	$btrfs -q subvolume create "$tree"
	parent=()
	: >"$work/all.stream"
	: >"$work/all.dump"
	for generation in 0 1 2; do
		"$tools/tree-generate" $((seed + 10 * round + generation)) 150 "$tree" >>"$work/log"
		snapshot=$tree.$generation
		$btrfs -q subvolume snapshot -r "$tree" "$snapshot"
		for options in '--proto 1' '--proto 2' '--proto 2 --compressed-data' '--proto 2 --no-data'; do
			# shellcheck disable=SC2086
			$btrfs -q send $options "${parent[@]}" -f "$work/stream" "$snapshot"
			same "$work/stream"
			cat "$work/stream" >>"$work/all.stream"
			cat "$work/ours" >>"$work/all.dump"
		done
		parent=(-p "$snapshot")
	done
	# All of them in one: one dump after the other.
	"$tools/stream-dump" <"$work/all.stream" | common >"$work/ours"
	cmp "$work/all.dump" "$work/ours"
done
echo "$lines lines equal"
