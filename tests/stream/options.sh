#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# extentctl receive: --dry-run, --bwlimit, --progress-fd, the report, exit codes, a terminal.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl extentd command python3 command script
tools=$build/tests/stream

make_btrfs src 512M compress=zstd
make_btrfs dst 512M
target=$dst/target
mkdir "$target"
btrfs -q subvolume create "$src/tree"
for i in $(seq 20); do
	yes "line of file $i" | head -c 300000 >"$src/tree/file$i"
	head -c 40000 /dev/urandom >"$src/tree/random$i"
done
btrfs -q subvolume snapshot -r "$src/tree" "$src/s0"
btrfs -q send --proto 2 --compressed-data -f "$work/0" "$src/s0"
cp --reflink=always "$src/tree/file1" "$src/tree/clone"
mv "$src/tree/file2" "$src/tree/moved"
btrfs -q subvolume snapshot -r "$src/tree" "$src/s1"
btrfs -q send --proto 2 --compressed-data -p "$src/s0" -f "$work/1" "$src/s1"
cat "$work/0" "$work/1" >"$work/both"
size=$(stat -c %s "$work/both")
receive() { "$extentctl" receive "$@" "$target"; }
value() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

say "dry run"
facts() { btrfs subvolume list -a "$dst" && btrfs filesystem sync "$dst" && ls -lA --time-style=full-iso "$target"; }
before=$(facts)
receive -n -f "$work/both" 2>"$work/said" || fail "$(cat "$work/said")"
[ "$(grep -c "nothing is missing" "$work/said")" = 2 ] || fail "$(cat "$work/said")"
grep -qE "^s0: 4[01] new inodes" "$work/said" || fail "$(cat "$work/said")"
fails_with "parent: no subvolume here was received from" receive -n -f "$work/1"
fails_with "it could not be received" receive -n -f "$work/1"
"$tools/hostile" lzo-segment-past-the-end >"$work/bad"
fails_with "encoded_write s/f" receive -n -f "$work/bad"
"$tools/hostile" clone-source-missing >"$work/bad"
fails_with "clone s/f" receive -n -f "$work/bad"
[ "$(receive -n -j -f "$work/0" 2>/dev/null | value dry_run)" = True ] || fail "dry_run in the report"
[ "$(facts)" = "$before" ] || fail "a dry run has written"

say "a limited rate, and lines for programs"
# Twice as fast as this is too fast; how slow it may be is the machine's business.
rate=$((size / 4))
start=$(date +%s%N)
receive --private -q --bwlimit $rate --progress-fd 3 --json -f "$work/both" 3>"$work/lines" >"$work/report" ||
	fail "with a limit"
ms=$((($(date +%s%N) - start) / 1000000))
[ $ms -ge 2000 ] || fail "$size bytes at $rate a second took only $ms ms"
python3 - "$work/lines" "$work/report" $size <<-'END' || fail "$(cat "$work/lines" "$work/report")"
	import json, sys
	report = json.load(open(sys.argv[2]))
	size = int(sys.argv[3])
	last = 0
	lines = open(sys.argv[1]).read().splitlines()
	assert len(lines) >= 3, lines
	for n, line in enumerate(lines):
	    event, *fields = line.split(' ')
	    assert event == ('end' if n == len(lines) - 1 else 'progress'), line
	    f = dict(x.split('=') for x in fields)
	    f = {k: float(v) for k, v in f.items()}
	    for key in 'seconds done total files extents decompressed bytes payload_bytes rate'.split():
	        assert key in f, key
	    assert last <= f['done'] <= f['total'] == size, line
	    last = f['done']
	assert f['files'] > 0 and lines[-2].split(' files=')[1].split()[0] != '0', lines
	assert f['exit_code'] == 0 and f['done'] == size
	assert f['files'] == report['inodes'] and f['bytes'] == report['bytes'], (f, report)
	assert f['extents'] == report['encoded'] + report['decoded']
	assert report['exit_code'] == 0 and report['durable'] and report['proved']
	assert report['subvolumes'] == 2 and report['errors'] == 0 and report['stream_bytes'] == size
	assert report['backend'] in ('uring', 'ioctl') and report['private_daemon']
	assert report['payload_bytes'] < report['bytes']
END
diff -r "$src/s1" "$target/s1" || fail "contents"

say "exit codes"
status() {
	"$@" >/dev/null 2>&1 </dev/null
	echo $?
}
[ "$(status receive --private -f "$work/both")" = 1 ] || fail "a name that is taken"
[ "$(status receive --resume --private -f "$work/both")" = 0 ] || fail "complete already"
[ "$(status receive --bwlimit fast -f "$work/both")" = 2 ] || fail "no rate"
[ "$(status receive --progress-fd 77 -f "$work/both")" = 2 ] || fail "no descriptor"
[ "$(status "$extentctl" receive -f "$work/both")" = 2 ] || fail "no directory"
[ "$(status receive --socket "$work/none" -f "$work/both")" = 3 ] || fail "no daemon"
[ "$(status receive --private -f "$work/none")" = 4 ] || fail "no file"

say "a terminal"
btrfs subvolume delete "$target/s0" "$target/s1" >/dev/null
COLUMNS=200 TERM=xterm script -qec "stty cols 200; $extentctl receive --private -f $work/both $target" /dev/null \
	</dev/null >"$work/screen" 2>&1 || fail "$(cat -v "$work/screen")"
for text in ' of ' '%' ' files ' ' extents ' ' as '; do
	grep -qF "$text" "$work/screen" || fail "no \"$text\" on the terminal: $(cat -v "$work/screen")"
done
