#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Restores a real tree, compressed on one btrfs, onto another one without decompressing it; proves
# that it did; and shows what it cost beside cp. Called by ./dev demo.
if [ "$(id -u)" != 0 ] || ! grep -qw btrfs /proc/filesystems || [ ! -e /dev/loop-control ]; then
	private=yes
else
	private=no
fi
if [ -z "${EXTENTD_TEST_DIR:-}" ]; then
	EXTENTD_TEST_DIR=/var/tmp
	# In memory where it fits: then the processor's work shows, not the disk's.
	[ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -gt 4000000 ] && EXTENTD_TEST_DIR=/dev/shm
	export EXTENTD_TEST_DIR
fi
. "$(dirname "${BASH_SOURCE[0]}")/../integration/lib.sh"
same_extents=$build/tests/demo/same-extents

wanted=${1:-400} # MiB of files

# Directories of this system, whole ones, until there is enough.
choose_tree() {
	local directory size total=0

	tree=()
	while read -r size directory; do
		[ "$size" -gt 4 ] && [ "$size" -lt 150 ] || continue
		tree+=("$directory")
		total=$((total + size))
		[ $total -lt "$wanted" ] || break
	done < <(du -xsm /usr/lib/*/ /usr/share/*/ /usr/include/ 2>/dev/null | sort -k2)
	[ $total -gt 0 ] || fail "no files to copy"
}

now() { date +%s.%N; }

# timed VARIABLE command...: from cold caches to what is safe on disk
timed() {
	local variable=$1 start

	shift
	sync
	[ "$(id -u)" != 0 ] || echo 3 >/proc/sys/vm/drop_caches
	start=$(now)
	"$@" || fail "$*"
	printf -v "$variable" '%s' "$(awk -v a="$start" -v b="$(now)" 'BEGIN { print b - a }')"
}

used() { # MiB, data and metadata
	sync -f "$1"
	df --output=used -k "$1" | tail -n 1 | awk '{ printf "%d", $1 / 1024 }'
}

row() { # NAME SECONDS MIB-USED
	awk -v name="$1" -v s="$2" -v used="$3" -v all="$content" 'BEGIN {
		printf "  %-44s %8.2f s %8.0f MiB/s %8s MiB\n", name, s, all / s, used }'
}

copy_and_sync() {
	cp -a "$1" "$2" && sync -f "$2"
}

demo_without_root() {
	local from=$work/from to=$work/to seconds

	say "no root, or no btrfs: extentd decompresses and writes plainly (backend decode)"
	wanted=60
	choose_tree
	mkdir "$from"
	cp -a "${tree[@]}" "$from/" 2>/dev/null
	content=$(du -xsm "$from" | cut -f 1)
	timed seconds "$extentctl" copy --quiet --private "$from" "$to"
	diff -r --no-dereference "$from" "$to" || fail "the copy differs"
	say "the copy is equal to its source; it took:"
	row "extentctl copy, decoding" "$seconds" "$(du -xsm "$to" | cut -f 1)"
}

demo() {
	local cp_plain cp_zstd restored source plain_used zstd_used restored_used

	choose_tree
	make_btrfs source 2G compress-force=zstd:3
	say "the source: ${#tree[@]} directories of this system, on btrfs with compress-force=zstd:3, in $EXTENTD_TEST_DIR"
	mkdir "$source/tree"
	cp -a "${tree[@]}" "$source/tree/"
	sync -f "$source"
	content=$(du -xsm --apparent-size "$source/tree" | cut -f 1)
	say "$(find "$source/tree" -type f | wc -l) files, $content MiB, $(used "$source") MiB on disk"

	# The baselines, each on a fresh filesystem.
	make_btrfs plain 2G
	timed cp_plain copy_and_sync "$source/tree" "$plain/"
	plain_used=$(used "$plain")
	rm -rf "$plain/tree"
	make_btrfs zstd 2G compress-force=zstd:3
	timed cp_zstd copy_and_sync "$source/tree" "$zstd/"
	zstd_used=$(used "$zstd")
	rm -rf "$zstd/tree"

	make_btrfs target 2G
	start_extentd
	# "durable" is the default: when it exits with 0, everything is on disk.
	timed restored "$extentctl" copy --quiet "$source/tree" "$target/"
	restored_used=$(used "$target")
	"$extentctl" status >"$work/status" || fail "extentctl status"

	say ""
	say "proof:"
	drop_caches "$target"
	diff -r --no-dereference "$source/tree" "$target/tree" || fail "the copy differs"
	say "  contents: equal (diff -r after dropping the caches)"
	"$same_extents" "$source/tree" "$target/tree" >"$work/same" || fail "$(cat "$work/same")"
	say "  extents:  $(cat "$work/same")"
	local one
	one=$(find "$target/tree" -type f -size +1000k | head -n 1)
	all_encoded "$one" || say "  (of $one, some extents are plain in the source as well)"
	filefrag -v "$one" | sed -n '3,6s/^/    /p'
	grep -E 'as they came|decompressed first|proved safe|then lost' "$work/status"

	say ""
	printf '  %-44s %10s %14s %12s\n' "" "until safe" "of content" "on disk"
	row "cp -a, then sync; not compressed" "$cp_plain" "$plain_used"
	row "cp -a, then sync; compress-force=zstd:3" "$cp_zstd" "$zstd_used"
	row "extentctl copy; extents as they are" "$restored" "$restored_used"
	awk -v a="$cp_zstd" -v b="$restored" 'BEGIN { printf "\n  %.1f times as fast as compressing again\n", a / b }'
}

say() { printf '%s\n' "$*"; }
if [ $private = yes ]; then
	demo_without_root
else
	demo
fi
