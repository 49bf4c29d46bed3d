#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# extentctl receive beside btrfs receive + sync -f, in turns, on the same streams: a tree of many
# small files (those of this machine's /usr, compressed) and four files of 1 GiB.
#
#	receive.sh EXTENTCTL [DIRECTORY]
#
# DIRECTORY (default /var/tmp) holds images and streams: about three times what the tree takes
# compressed. TREE=, MOST=, RUNS=, CASES="tree large", MODES="btrfs trusted full direct bound1 bound2" in the
# environment. Some are no contestants: direct is the same planning without daemon and without proof;
# bound1 and bound2 only read the stream of large files and issue its writes, in so many threads, and
# sync: nobody who receives with that kernel and that disk can be faster.
set -eu
extentctl=$(realpath "$1")
bound=$(dirname "$extentctl")/../../tests/bench/receive-bound
base=${2:-/var/tmp}
tree=${TREE:-/usr}
most=${MOST:-64} # KiB of a file of the tree: larger ones measure the disk
runs=${RUNS:-5}
modes=${MODES:-btrfs trusted full bound1 bound2}
cases=${CASES:-tree large}

[ "$(id -u)" = 0 ] || { echo "needs root to mount"; exit 77; }
for tool in btrfs mkfs.btrfs losetup; do
	command -v "$tool" >/dev/null || { echo "needs $tool"; exit 77; }
done
work=$(mktemp -d "$base/extentd-bench-XXXXXX")
cleanup() {
	umount "$work/target" 2>/dev/null || true
	umount "$work/source" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/source" "$work/target"

source_begin() {
	truncate -s 64G "$work/source.image"
	mkfs.btrfs -q "$work/source.image" >/dev/null
	mount -o loop,noatime,compress=zstd "$work/source.image" "$work/source"
	btrfs -q subvolume create "$work/source/tree"
}

source_end() { # NAME
	btrfs -q subvolume snapshot -r "$work/source/tree" "$work/source/s"
	btrfs -q send --proto 2 --compressed-data -f "$work/$1.stream" "$work/source/s"
	umount "$work/source"
	rm "$work/source.image"
}

make_tree() {
	source_begin
	(cd "$tree" && find . -xdev -type f -size +"$((most * 2))" -prune -o -print0 |
		tar --null --no-recursion --files-from=- --create --file=-) 2>/dev/null |
		tar -C "$work/source/tree" --extract --preserve-permissions
	echo "tree: $tree, $(find "$work/source/tree" -type f | wc -l) files of" \
		"$(find "$work/source/tree" | wc -l) names"
	source_end tree
}

make_large() {
	source_begin
	for n in 1 2 3 4; do
		find "$tree" -xdev -type f -size +8k -print0 2>/dev/null | sort -z |
			{ xargs -0 cat 2>/dev/null || true; } | { tail -c +$((n * 400000000)) || true; } |
			head -c 1G >"$work/source/tree/$n"
	done
	echo "large: four files of $(stat -c %s "$work/source/tree/1" "$work/source/tree/4" | xargs) bytes"
	source_end large
}

# The peaks of all processes that the command started, added: shared memory counts twice.
# Once a second: ten times a second cost a program that uses both processors a seventh of its time.
memory_watch() { # FILE; until it is gone
	local pids pid peak most=0
	while [ -e "$1.watch" ]; do
		peak=0
		pids=$(pgrep -P "$BASHPID,$$" -f 'receive' 2>/dev/null || true)
		for pid in $pids $(for p in $pids; do pgrep -P "$p" || true; done); do
			kb=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
			peak=$((peak + ${kb:-0}))
		done
		((peak <= most)) || most=$peak
		sleep 1
	done
	echo "$most" >"$1"
}

cpu_of_machine() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }

run_once() { # CASE MODE: a line "wall cpu machine-cpu memory" into CASE.MODE
	local before after watcher
	[ -z "${2##bound*}" ] && { [ "$1" != large ] || [ ! -x "$bound" ]; } && return
	umount "$work/target" 2>/dev/null || true
	rm -f "$work/target.image"
	truncate -s 64G "$work/target.image"
	mkfs.btrfs -q "$work/target.image" >/dev/null
	mount -o loop,noatime "$work/target.image" "$work/target"
	sync
	echo 3 >/proc/sys/vm/drop_caches
	cat "$work/$1.stream" >/dev/null # both read it from memory
	case $2 in
	btrfs) set -- "$1" "$2" sh -c "btrfs -q receive -f '$work/$1.stream' '$work/target' && sync -f '$work/target'" ;;
	trusted) set -- "$1" "$2" "$extentctl" receive -q --private --trust-source -f "$work/$1.stream" "$work/target" ;;
	full) set -- "$1" "$2" "$extentctl" receive -q --private -f "$work/$1.stream" "$work/target" ;;
	bound*) set -- "$1" "$2" "$bound" "$work/$1.stream" "$work/target" "${2#bound}" ;;
	direct) set -- "$1" "$2" "$extentctl" receive -q --direct --trust-source -f "$work/$1.stream" "$work/target" ;;
	esac
	: >"$work/memory.watch"
	memory_watch "$work/memory" &
	watcher=$!
	before=$(cpu_of_machine)
	TIMEFORMAT='%R %U %S'
	{ time "${@:3}" 2>"$work/stderr"; } 2>"$work/time" || { cat "$work/stderr"; exit 1; }
	after=$(cpu_of_machine)
	rm "$work/memory.watch"
	wait "$watcher"
	awk -v machine=$(((after - before) * 10)) -v memory="$(cat "$work/memory")" \
		'{ print $1, $2 + $3, machine / 1000, memory / 1024 }' "$work/time" >>"$work/$1.$2"
}

# Median and range of a column, and the median's ratio to that of btrfs.
column() { # CASE MODE COLUMN
	sort -n -k "$3,$3" "$work/$1.$2" |
		awk -v c="$3" '{ v[NR] = $c } END {
			m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
			printf "%.2f %.2f %.2f", m, v[1], v[NR] }'
}

table() { # CASE
	local mode ours theirs
	printf '%-8s %-28s %-28s %-28s %s\n' "$1" 'wall s (ratio)' 'cpu s (ratio)' \
		"machine's cpu s (ratio)" 'peak MiB'
	for mode in $modes; do
		[ -e "$work/$1.$mode" ] || continue
		printf '%-8s ' "$mode"
		for c in 1 2 3; do
			ours=$(column "$1" "$mode" $c)
			theirs=$([ ! -e "$work/$1.btrfs" ] || column "$1" btrfs $c)
			echo "$ours $theirs" | awk '{
				printf "%-29s", sprintf("%s [%s..%s] %s", $1, $2, $3,
					$4 > 0 ? sprintf("%.2f", $1 / $4) : "-") }'
		done
		column "$1" "$mode" 4 | awk '{ printf "%.0f\n", $3 }'
	done
}

# The ratio run by run, in the form that plot.sh reads.
missed=0
verdict() { # CASE MODE COLUMN TEXT GOAL
	[ -e "$work/$1.$2" ] && [ -e "$work/$1.btrfs" ] || return 0
	paste -d' ' "$work/$1.$2" "$work/$1.btrfs" |
		awk -v c="$3" '{ print $c / $(c + 4) }' | sort -n |
		awk -v text="$4" -v goal="$5" '{ v[NR] = $1 } END {
			m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
			printf "%-60s %6.2f  (%.2f .. %.2f, %d runs)", text, m, v[1], v[NR], NR
			if (!goal) { print ""; exit 0 }
			printf "  goal <= %.2f: %s\n", goal, m <= goal ? "met" : "MISSED"
			exit m > goal }' || missed=1
}

for case in $cases; do
	"make_$case"
	for ((run = 0; run < runs; run++)); do
		for mode in $modes; do run_once "$case" "$mode"; done
	done
	table "$case"
	rm "$work/$case.stream"
done
verdict tree trusted 1 "receive, many files, trusted source: wall" 0.50
verdict tree trusted 2 "receive, many files, trusted source: CPU" 0.60
verdict tree full 1 "receive, many files, full validation: wall" 0.80
verdict large trusted 1 "receive, large files, trusted source: wall" 0.67
verdict large bound1 1 "bound, large files, its writes and nothing else: wall" 0
verdict large bound2 1 "bound, large files, likewise in two threads: wall" 0
echo "peak memory, all processes: goal <= 256 MiB"
exit $missed
