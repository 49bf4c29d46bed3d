#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A user without any privilege copies what is compressed without decompressing it: the daemon reads.
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentd extentctl command setpriv
make_btrfs src 512M compress=zstd
make_btrfs dst 512M
alice=4242
number() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$2"; }
text() { seq "$1" 600000 | head -c "$2"; }

mkdir "$src/tree" "$src/tree/many"
text 1 3000000 >"$src/tree/text"
for i in $(seq 150); do text "$i" $((i * 800)) >"$src/tree/many/$i"; done
head -c 500000 /dev/urandom >"$src/tree/noise"
truncate -s 30M "$src/tree/sparse"
text 4 200000 | dd of="$src/tree/sparse" bs=4096 seek=1000 conv=notrunc status=none
text 5 131072 >"$src/tree/bookend"
sync -f "$src"
printf middle | dd of="$src/tree/bookend" bs=4096 seek=4 conv=notrunc status=none
sync -f "$src"
chown -R $alice "$src/tree"
chmod 755 "$src" "$dst" "$work"
mkdir "$dst/alice" && chown $alice "$dst/alice"
printf '[Access]\nUsers=root %s\n' $alice >"$work/extentd.conf"

for backend in uring ioctl; do
	start_extentd --backend $backend
	before=$(descriptors)
	as_user $alice env EXTENTD_SOCKET="$socket" "$extentctl" copy --json -T "$src/tree" "$dst/alice/$backend" \
		>"$work/report" 2>"$work/errors" || fail "copy: $(cat "$work/report" "$work/errors")"
	diff -r "$src/tree" "$dst/alice/$backend" || fail "$backend: other bytes"
	all_encoded "$dst/alice/$backend/text" || fail "$(filefrag -v "$dst/alice/$backend/text")"
	[ "$(number read_encoded "$work/report")" -ge 150 ] || fail "decompressed: $(cat "$work/report")"
	# What the file shows in part, and nothing else, had to be compressed again.
	[ "$(number compressed "$work/report")" -le 3 ] || fail "compressed again: $(cat "$work/report")"
	grep -q '"durable": true' "$work/report" || fail "not durable"
	"$extentctl" status --json >"$work/status"
	[ "$(number reads_encoded "$work/status")" -ge 150 ] || fail "the daemon has not read"
	same_descriptors "$before"
	# Few credits and buffers: it waits, and gets along.
	as_user $alice env EXTENTD_SOCKET="$socket" EXTENTD_POOL_BYTES=262144 "$extentctl" copy -q -T "$src/tree" \
		"$dst/alice/$backend.small" || fail "with two buffers"
	diff -r "$src/tree" "$dst/alice/$backend.small" || fail "with two buffers: other bytes"
	stop_extentd || exit 1
done

# A daemon that goes away while it reads.
text 1 100000000 >"$src/tree/large"
chown $alice "$src/tree/large"
sync -f "$src"
start_extentd
as_user $alice env EXTENTD_SOCKET="$socket" "$extentctl" copy -q -T "$src/tree" "$dst/alice/gone" 2>"$work/errors" &
copy=$!
wait_for 60 test -e "$dst/alice/gone/text" || fail "the copy does not begin"
crash_extentd
wait $copy
status=$?
[ $status -eq 3 ] || [ $status -eq 0 ] || fail "exit code $status: $(cat "$work/errors")"
