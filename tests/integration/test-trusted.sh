#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A peer that the configuration trusts: nothing of its payloads is copied where the kernel can do
# without, and what it may do with its memory after an acknowledgement is the same.
. "$(dirname "$0")/lib.sh"
requires root btrfs extentd
make_btrfs mnt 512M
printf '[Access]\nTrustedUsers=root\n' >"$work/extentd.conf"
ulimit -l unlimited 2>/dev/null # registered memory is locked memory
start_extentd

# From "accepted" on the memory is the client's, which fills it anew at once: its pool is small. That
# also makes it wait until the daemon has taken the arena; before, payloads go through the socket.
export EXTENTD_POOL_BYTES=1048576

status_of() { "$poke" status | sed -n "s/^$1 //p"; }
nothing_pinned() { [ "$(status_of now_pinned_bytes)" = 0 ]; }

# Payloads of all sizes, tails, inline, bookends; rewrites; all in flight together.
"$poke" "fd:$mnt/a:create" "mirror:$work/a" \
	write:0:131072:zlib:1 write:131072:131072:zstd:2 write:262144:131072:lzo:3 \
	write:393216:131072:none:4 write:524288:8192:zstd:5 write:532480:4097:zlib:6 \
	write:0:131072:zstd:7 write:131072:131072:none:8 sync >"$work/said" || fail "a: $(cat "$work/said")"
"$poke" "fd:$mnt/b:create" "mirror:$work/b" write:0:1500:zstd:9 >>"$work/said" || fail "b"
"$poke" "fd:$mnt/c:create" "mirror:$work/c" \
	fill:0:200:zstd:100:durable fill:26214400:100:zlib:300:written sync >>"$work/said" || fail "c"

"$poke" "fd:$mnt/d:create" "mirror:$work/d" \
	fill:0:300:zstd:400:accepted sync >>"$work/said" || fail "d"
drop_caches "$mnt"
for name in a b c d; do
	cmp "$mnt/$name" "$work/$name" || fail "$name: other bytes"
done

if [ "$(status_of encoded_write_zero_copy)" = 1 ]; then
	# Most of c. None of d: what is "accepted" is copied.
	[ "$(status_of in_place)" -ge 200 ] || fail "$(status_of in_place) extents were written in place"
	[ "$(status_of in_place)" -le 320 ] || fail "what was accepted was written in place"
	wait_for 10 nothing_pinned || fail "arenas are still pinned"
else
	[ "$(status_of in_place)" = 0 ] || fail "in place, without the kernel's promise"
fi
exit 0
