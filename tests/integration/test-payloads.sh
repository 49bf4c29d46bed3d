#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every payload that the kernel would take and could not read back is refused by the daemon, for
# what is wrong with it, through each backend; nothing is written, and the session goes on.
. "$(dirname "$0")/lib.sh"
requires root btrfs extentd
make_btrfs mnt 512M

for backend in uring ioctl decode; do
	[ $backend != uring ] || [ "$(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null || echo 0)" = 0 ] || continue
	start_extentd --backend $backend
	"$poke" "fd:$mnt/$backend:create" bad-rows:0 >"$work/said" 2>&1 || fail "$backend: $(tail -n 3 "$work/said")"
	rows=$(grep -c ' at byte ' "$work/said")
	[ "$rows" -ge 50 ] || fail "$backend: only $rows rows were tried"
	[ ! -s "$mnt/$backend" ] || fail "$backend: something was written"
	"$poke" "fd:$mnt/$backend" write:0:131072:zstd:1 >/dev/null || fail "$backend: a good payload afterwards"
	stop_extentd || fail "$backend: the daemon did not stop well"
	say "$backend: $rows bad payloads refused"
done
