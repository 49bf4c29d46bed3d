#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Interrupted and taken up again: what --resume ends with equals what an undisturbed receive makes,
# and at no moment has anything incomplete the name of what is complete.
#
#	resume.sh [-l] [SEED]	-l: long: many more kills, by a random seed if none is given
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl extentd command strace command python3
long=
[ "${1:-}" != -l ] || { long=yes && shift; }
seed=${1:-${long:+$RANDOM}}
RANDOM=${seed:-1001}
say "seed ${seed:-1001}"
tools=$build/tests/stream

make_btrfs src 512M compress=zstd
make_btrfs dst 1G noatime # a proof may read a file
target=$dst/target
streams=$work/streams expected=$work/expected names=(s0 s1)

# A tree and its next generation, one stream each, and both in one.
btrfs -q subvolume create "$src/tree"
parent=()
for generation in 0 1; do
	"$tools/tree-generate" $((${seed:-1001} + generation)) 120 "$src/tree" >/dev/null
	for i in 1 2 3; do
		yes "line of generation $generation, file $i" | head -c $((i * 700000)) >"$src/tree/large$i"
	done
	btrfs -q subvolume snapshot -r "$src/tree" "$src/s$generation"
	btrfs -q send --proto 2 --compressed-data "${parent[@]}" -f "$work/$generation.stream" "$src/s$generation"
	parent=(-p "$src/s$generation")
done
cat "$work/0.stream" "$work/1.stream" >"$streams"
size=$(stat -c %s "$streams")

receive() { "$extentctl" receive -q --checkpoint 24K "$@" "$target"; }
manifest() { (cd "$1" && "$tools/tree-manifest" -s "${names[@]}"); }
sealed() { # not yet, or wholly
	local s

	for s in "${names[@]}"; do
		[ -e "$target/$s" ] || continue
		btrfs property get "$target/$s" ro | grep -q true || fail "$1: $s is not read-only"
		btrfs subvolume show "$target/$s" | grep -qE 'Received UUID:[[:space:]]+[0-9a-f]' ||
			fail "$1: $s has no received UUID"
	done
}
again() { # an empty target
	local s

	"$extentctl" receive --abort -q "$target" 2>/dev/null
	for s in "$target"/s*; do
		[ ! -e "$s" ] || btrfs subvolume delete "$s" >/dev/null
	done
	mkdir -p "$target"
	[ -z "$(ls -A "$target")" ] || fail "left in the target: $(ls -A "$target")"
}
equal() {
	[ "$(ls -A "$target" | tr '\n' ' ')" = "${names[*]} " ] || fail "$1: there is: $(ls -A "$target")"
	sealed "$1"
	manifest "$target" >"$work/manifest"
	diff -a "$expected" "$work/manifest" >"$work/diff" || fail "$1: $(head -n 20 "$work/diff")"
	again
}
value() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

again
receive --direct <"$streams" || fail "undisturbed"
manifest "$target" >"$work/expected"
[ "$(wc -l <"$work/expected")" -gt 100 ] || fail "no tree"
again

# The input ends too early, at any place: each attempt gets further.
say "broken off"
for ((i = 0; i < ${long:+9} + 1; i++)); do
	at=$((RANDOM * 32768 % (size * 3 / 4) + RANDOM % 1000 + 30000))
	head -c $at "$streams" | receive --direct 2>"$work/said" && fail "taken for complete at $at"
	sealed "broken off at $at"
	further=$((at + (size - at) / 2))
	head -c $further "$streams" | receive --direct --resume 2>>"$work/said" && fail "taken for complete at $further"
	sealed "broken off at $further"
	skipped=$(receive --direct --resume --json <"$streams" | value skipped_bytes)
	[ "$skipped" -gt $((at / 2)) ] || fail "broken off at $at and $further, and then only $skipped skipped"
	equal "broken off at $at and $further"
done

say "what is said, and --abort"
head -c 100000 "$streams" | "$extentctl" receive --checkpoint 24K --direct "$target" 2>"$work/said" && fail "taken for complete"
grep -q -- "with --resume.*--abort" "$work/said" || fail "$(cat "$work/said")"
fails_with "go on with --resume, or remove it with --abort" receive --direct -f "$streams"
python3 - "$streams" "$work/changed" "$work/other" <<-'END'
	# An early command changed, its checksum right; and another UUID in the first one.
	import struct, sys
	def crc32c(data, crc=0):
	    for byte in data:
	        crc ^= byte
	        for _ in range(8):
	            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
	    return crc
	data = bytearray(open(sys.argv[1], 'rb').read())
	at, n = 17, 0
	while True:
	    size, op, crc = struct.unpack_from('<IHI', data, at)
	    if n in (0, 2):
	        changed = bytearray(data)
	        changed[at + 10 + size - 1 if n else at + 10 + 14] ^= 1
	        struct.pack_into('<I', changed, at + 6, 0)
	        struct.pack_into('<I', changed, at + 6, crc32c(changed[at:at + 10 + size]))
	        open(sys.argv[3 if n == 0 else 2], 'wb').write(changed)
	        if n:
	            break
	    at, n = at + 10 + size, n + 1
END
fails_with "this is not the stream" receive --direct --resume -f "$work/changed"
fails_with "of another stream" receive --direct --resume -f "$work/other"
cp "$target/.s0.partial/journal" "$work/journal"
printf X | dd of="$target/.s0.partial/journal" bs=1 seek=50 conv=notrunc status=none
fails_with "remove the part with --abort" receive --direct --resume -f "$streams"
cp "$work/journal" "$target/.s0.partial/journal"
(
	flock -w 60 9 || fail "the part is still locked"
	fails_with "another process is receiving it" receive --direct --resume -f "$streams"
	fails_with "a process is receiving it" "$extentctl" receive --abort "$target"
) 9<"$target/.s0.partial" || exit 1
receive --direct --resume -f "$streams" || fail "after all these refusals"
receive --direct --resume -f "$streams" || fail "what is complete is not skipped"
equal "after refusals"
head -c 100000 "$streams" | receive --direct 2>/dev/null
grep -q "s0: the part that was here is removed" <<<"$("$extentctl" receive --abort "$target" 2>&1)" || fail "--abort"
[ -z "$(ls -A "$target")" ] || fail "--abort left $(ls -A "$target")"
grep -q "nothing was received in part" <<<"$("$extentctl" receive --abort "$target" 2>&1)" || fail "--abort of nothing"

# With both, what is of another stream makes room. (That one fails later: it clones from itself, by the
# name that was changed.)
head -c 100000 "$streams" | receive --direct 2>/dev/null && fail "taken for complete"
"$extentctl" receive --direct --resume --abort -f "$work/other" "$target" 2>"$work/said" && fail "the other stream"
grep -q "s0: a part that was received before is removed" "$work/said" || fail "--resume --abort: $(cat "$work/said")"
"$extentctl" receive --abort -q "$target"

# By btrfs receive's name, a part is replaced: nobody there knows of --resume.
ln -s "$extentctl" "$work/btrfs-receive"
head -c 100000 "$streams" | receive --direct 2>/dev/null
"$work/btrfs-receive" --direct -q -f "$streams" "$target" || fail "as btrfs-receive"
equal "as btrfs-receive"

# Killed at each call by which it makes, keeps, seals, names or removes anything of its own, in turn,
# with a small stream. What the kill leaves must be resumable, and never look complete.
say "killed at each step"
btrfs -q subvolume create "$src/small"
mkdir "$src/small/d" && echo text >"$src/small/d/f" && chmod 711 "$src/small/d"
head -c 200000 "$src/s1/large1" >"$src/small/g"
btrfs -q subvolume snapshot -r "$src/small" "$src/s"
btrfs -q send --proto 2 --compressed-data -f "$work/small" "$src/s"
streams=$work/small expected=$work/expected.small names=(s)
small() { "$extentctl" receive -q --direct --checkpoint 700 "$@" -f "$streams" "$target"; }
small || fail "the small stream"
manifest "$target" >"$expected"
again
steps=0
for call in ioctl renameat2 renameat fsync unlinkat openat mkdirat syncfs flock; do
	case $call in # the first ones are the loader's
	openat) first=20 stride=${long:+1} stride=${stride:-20} ;;
	*) first=1 stride=${long:+1} stride=${stride:-7} ;;
	esac
	for ((n = first; ; n += stride)); do
		{ strace -f -qq -o "$work/strace" -e trace=$call -e inject=$call:signal=KILL:when=$n \
			"$extentctl" receive -q --direct --checkpoint 700 -f "$streams" "$target"; } 2>/dev/null
		[ $? -eq 137 ] || break
		sealed "$call $n"
		small --resume || fail "killed at $call $n: cannot be resumed"
		equal "killed at $call $n"
		steps=$((steps + 1))
	done
	equal "not killed at $call $n"
done
[ $steps -ge 6 ] || fail "only $steps kills"
streams=$work/streams expected=$work/expected names=(s0 s1)

# A receiver with a daemon, both killed while they work; resumed as often as it takes.
say "receiver and daemon killed"
kills=0
for who in receiver daemon; do
	for ((i = 0; i < ${long:+19} + 1; i++)); do
		start_extentd
		at=$((RANDOM * 32768 % size))
		mkfifo "$work/pipe"
		{ head -c $at && touch "$work/there" && exec sleep 300; } <"$streams" >"$work/pipe" &
		feeder=$!
		"$extentctl" receive -q --checkpoint 24K "$target" <"$work/pipe" 2>"$work/said" &
		receiver=$!
		wait_for 60 test -e "$work/there" || fail "the stream is not taken"
		if [ $who = daemon ]; then
			crash_extentd
			kill -KILL $feeder
			wait $receiver && fail "success without a daemon"
			start_extentd
		else
			kill -KILL $receiver
			kill -KILL $feeder
			wait $receiver
		fi 2>/dev/null
		wait $feeder 2>/dev/null
		rm -f "$work/pipe" "$work/there"
		sealed "$who killed at $at"
		receive --resume -f "$streams" || fail "$who killed at $at: cannot be resumed"
		equal "$who killed at $at"
		kills=$((kills + 1))
		stop_extentd || exit 1
	done
done

say "a signal"
mkfifo "$work/pipe"
{ head -c $((size / 2)) && touch "$work/there" && exec sleep 300; } <"$streams" >"$work/pipe" &
feeder=$!
"$extentctl" receive --private --checkpoint 1G "$target" <"$work/pipe" 2>"$work/said" &
receiver=$!
wait_for 60 test -e "$work/there" || fail "the stream is not taken"
kill -TERM $receiver
wait $receiver
status=$?
kill -KILL $feeder
wait $feeder 2>/dev/null
[ $status -eq 5 ] || fail "exit code $status: $(cat "$work/said")"
skipped=$(receive --private --resume --json <"$streams" | value skipped_bytes)
[ "$skipped" -gt $((size / 4)) ] || fail "only $skipped bytes were kept"
equal "a signal"
say "$steps steps, $kills kills"
