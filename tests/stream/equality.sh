#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the receiver makes of random trees and their generations equals what btrfs receive makes:
# contents, metadata, holes, compression, sharing of extents. Planned and literal; by the direct sink,
# or with a fourth argument by that extentctl and a private daemon, which gets the small extents too
# when the stream is received literally. Where btrfs receive has to decompress the tail of a file that
# shrinks, the planned receiver does not: then it is compared with what btrfs receive makes of the
# same streams with those truncations put first (stream-shrink), and that with the unchanged ones, but
# for extents. (What makes a daemon's writes
# durable rewrites some inline extents as regular ones: those of small files are not compared then.)
#
#	equality.sh BUILD-DIR [ROUNDS [SEED [EXTENTCTL]]]
set -eu
tools=$(realpath "$1")
rounds=${2:-2}
seed=${3:-0} # 0: a random one
[ "$seed" != 0 ] || seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
steps=${STEPS:-200}
generations=${GENERATIONS:-4}
extentctl=${4:-}
small=${extentctl:+-s}

receive() { # DIRECTORY [--no-plan]
	if [ -n "$extentctl" ]; then
		"$extentctl" receive --private --verbose -f "$work/stream" "$@"
	else
		"$tools/stream-receive" ${2:+-p} -f "$work/stream" "$1"
	fi >>"$work/log" 2>&1 || {
		tail -5 "$work/log"
		echo "seed $seed round $round generation $generation: cannot be received"
		exit 1
	}
}

[ "$(id -u)" = 0 ] || { echo "needs root to mount"; exit 77; }
for tool in btrfs mkfs.btrfs losetup; do
	command -v "$tool" >/dev/null || { echo "needs $tool"; exit 77; }
done

work=$(mktemp -d)
cleanup() {
	for name in source theirs shrunk planned literal; do
		umount "$work/$name" 2>/dev/null || true
	done
	[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$work"
}
trap cleanup EXIT
[ -n "${KEEP:-}" ] || (setsid "$(dirname "$0")/../common/janitor.sh" $$ "$work" </dev/null >/dev/null 2>&1 &)

fresh() { # NAME OPTIONS
	umount "$work/$1" 2>/dev/null || true
	rm -f "$work/$1.image"
	truncate -s 1G "$work/$1.image"
	mkfs.btrfs -q "$work/$1.image" >/dev/null
	mkdir -p "$work/$1"
	mount -o "loop,noatime$2" "$work/$1.image" "$work/$1"
}

manifest() { # NAME OPTIONS
	# shellcheck disable=SC2086
	(cd "$work/$1" && "$tools/tree-manifest" $2 s*) >"$work/$1.manifest"
}

compare() { # NAME OTHER [OPTIONS]
	manifest "$1" "${3-$loosely}"
	manifest "$2" "${3-$loosely}"
	if ! diff -a "$work/$1.manifest" "$work/$2.manifest" >"$work/diff"; then
		echo "round $round: $2 differs from $1 (seed $seed)"
		head -40 "$work/diff"
		[ -z "${KEEP:-}" ] || echo "kept in $work"
		exit 1
	fi
}

echo "seed $seed"
lines=0
all_tails=0
for ((round = 0; round < rounds; round++)); do
	case $((round % 3)) in
	0) send='--proto 2 --compressed-data' ;;
	1) send='--proto 2 --compressed-data' ;;
	2) send='--proto 1' ;;
	esac
	# Where files keep the property, compression depends on the kernel's timing.
	keep=$((round % 4 == 3 ? 50 : 0))
	loosely="$small $([ $keep = 0 ] || echo -l)"
	fresh source ",compress=$([ $((round % 2)) = 0 ] && echo zstd || echo lzo)"
	for name in theirs planned literal; do fresh $name ''; done
	btrfs -q subvolume create "$work/source/tree"
	parent=()
	tails=0
	anchor=theirs
	for ((generation = 0; generation < generations; generation++)); do
		"$tools/tree-generate" $((seed + 100 * round + generation)) "$steps" \
			"$work/source/tree" $keep >>"$work/log"
		snapshot=$work/source/s$generation
		btrfs -q subvolume snapshot -r "$work/source/tree" "$snapshot"
		# shellcheck disable=SC2086
		btrfs -q send $send "${parent[@]}" -f "$work/stream" "$snapshot"
		parent=(-p "$snapshot")
		btrfs -q receive -f "$work/stream" "$work/theirs"
		receive "$work/planned"
		EXTENTD_SMALL_BYTES=0 receive "$work/literal" --no-plan
		tails=$((tails + $("$tools/stream-shrink" "$work/stream" "$work/shrunk$generation")))
	done
	if [ $tails -gt 0 ]; then
		anchor=shrunk
		fresh shrunk ''
		for ((generation = 0; generation < generations; generation++)); do
			btrfs -q receive -f "$work/shrunk$generation" "$work/shrunk"
		done
		compare theirs shrunk -c
		all_tails=$((all_tails + tails))
	fi
	compare $anchor planned
	compare theirs literal
	lines=$((lines + $(wc -l <"$work/theirs.manifest")))
	for name in theirs planned literal; do
		btrfs subvolume show "$work/$name/s0" | grep -E 'Received UUID|Flags|Send transid' >"$work/$name.show"
	done
	diff "$work/theirs.show" "$work/planned.show"
	diff "$work/theirs.show" "$work/literal.show"
done
grep -aE '^commands|inodes' "$work/log" | tail -2
echo "$rounds rounds, $lines facts equal, $all_tails tails of shrinking files"
