#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# No room, no quota, too large: the kernel's errno comes back, what was acknowledged stays, and
# the filesystem stays usable.
. "$(dirname "$0")/lib.sh"
requires root btrfs extentd command python3
make_btrfs full 128M
start_extentd

# --- no space
"$poke" "fd:$full/first:create" "mirror:$work/first" fill:0:50:zstd:1 sync >/dev/null || fail "first"
output=$("$poke" "fd:$full/second:create" "mirror:$work/second" fill:0:1700:zstd:1000 2>&1) &&
	fail "1700 extents fit into 128 MiB?"
[[ $output == *ENOSPC* ]] || fail "a full filesystem: $(grep -v '^write ' <<<"$output" | tail -n 3)"
# Every extent that was called durable is there.
sync -f "$full"
drop_caches "$full"
cmp "$full/first" "$work/first" || fail "a full filesystem changed what was there"
printf '%s\n' "$output" >"$work/said"
check_acknowledged "$full/second" "$work/second" "$work/said"
[ "$acknowledged" -gt 0 ] || fail "nothing became durable before the filesystem was full"
say "$acknowledged extents were durable when the filesystem was full"
grep -q " $full btrfs rw" /proc/mounts || fail "the filesystem went read-only"
rm "$full/second"
sync -f "$full"
"$poke" "fd:$full/third:create" "mirror:$work/third" fill:0:20:zlib:1 sync >/dev/null ||
	fail "after space was made it is still refused"
cmp "$full/third" "$work/third" || fail "third"

# --- quota
make_btrfs quota 512M
btrfs quota enable "$quota" 2>/dev/null || skip "no quota here"
btrfs -q subvolume create "$quota/sub"
btrfs qgroup limit 4M "$quota/sub"
btrfs quota rescan -w "$quota" >/dev/null 2>&1
output=$("$poke" "fd:$quota/sub/file:create" fill:0:200:zstd:1 2>&1) && fail "the quota was passed"
[[ $output == *EDQUOT* ]] || fail "a quota: $(grep -v '^write ' <<<"$output" | tail -n 3)"
"$poke" "fd:$quota/outside:create" fill:0:200:zstd:1 >/dev/null || fail "the quota of one subvolume stops another"

# --- too large
make_btrfs large 512M
sum() { cksum <"$1"; }
"$poke" "fd:$large/file:create" write:0:4096:zstd:1 >/dev/null
was=$(sum "$large/file")
fails_with EFBIG "$poke" "fd:$large/file" write:9223372036854644736:131072:zstd:1
fails_with EFBIG "$poke" "fd:$large/file" write:18446744073709547520:131072:zstd:1
[ "$was" = "$(sum "$large/file")" ] || fail "a write that was too large changed the file"
stop_extentd || exit 1
# The daemon's own limit of file size is one as well.
EXTENTD_WRAP="prlimit --fsize=1048576" start_extentd
"$poke" "fd:$large/limited:create" write:0:131072:zstd:1 >/dev/null || fail "beneath the limit"
fails_with EFBIG "$poke" "fd:$large/limited" write:1048576:131072:zstd:1
[ "$(stat -c %s "$large/limited")" = 131072 ] || fail "EFBIG changed the file"
