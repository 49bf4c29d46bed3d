#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may read what: exactly what the descriptor, or the peer's rights, show; and peers that try more.
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentd command setpriv command python3
make_btrfs mnt 512M compress=zstd
check=$build/tests/read/extent-read-check
alice=4242
raw() { python3 -B "$(dirname "$0")/rawread.py" "$@"; }
mkfifo "$work/go"
chmod 755 "$mnt"
cat >"$work/extentd.conf" <<END
[Access]
Users=root $alice
Root=$mnt
END

{ printf 'for all to see: '; seq 1 30000 | head -c 4080; yes 'the secret of root' | head -c 126976; } >"$mnt/secret"
chmod 600 "$mnt/secret"
sync -f "$mnt"
cp --reflink=always "$mnt/secret" "$mnt/whole" && chmod 644 "$mnt/whole"
python3 - "$mnt" <<'END' || fail "no reflink"
import fcntl, os, struct, sys
with open(sys.argv[1] + "/secret", "rb") as a, open(sys.argv[1] + "/public", "wb") as b:
    fcntl.ioctl(b, 0x4020940D, struct.pack("<qQQQ", a.fileno(), 0, 4096, 0))  # FICLONERANGE
END
cp --reflink=always "$mnt/secret" "$mnt/cut" && chmod 644 "$mnt/cut" && truncate -s 4100 "$mnt/cut"
sync -f "$mnt"
mkfifo "$mnt/fifo"
mknod "$mnt/device" c 1 5
chmod 666 "$mnt/fifo" "$mnt/device"
mkdir "$mnt/dir"

for backend in uring ioctl; do
	start_extentd --backend $backend
	before=$(descriptors)

	# By path, with the peer's rights.
	fails_with "Permission denied" as_user $alice "$check" --path "$mnt/secret"
	"$check" --path "$mnt/whole" >/dev/null || fail "a file that may be read"
	# A descriptor that somebody gave away shows what it shows, and keeps its position.
	exec 7<"$mnt/secret"
	dd bs=100 count=1 status=none <&7 >/dev/null
	position=$(awk '/^pos:/ { print $2 }' /proc/self/fdinfo/7)
	as_user $alice "$check" --fd 7 "$mnt/secret" >"$work/said" || fail "an inherited descriptor: $(cat "$work/said")"
	grep -q '^encoded 0 131072 ' "$work/said" || fail "an inherited descriptor: $(cat "$work/said")"
	[ "$(awk '/^pos:/ { print $2 }' /proc/self/fdinfo/7)" = "$position" ] || fail "its position moved"
	exec 7<&-
	# What an extent holds but the file does not show stays where it is.
	for name in public cut; do
		as_user $alice "$check" "$mnt/$name" >"$work/said" || fail "$name: $(cat "$work/said")"
		! grep -q '^encoded' "$work/said" || fail "$name is shown in part, and all was given: $(cat "$work/said")"
	done

	raw peers "$mnt" >"$work/raw" 2>&1 || fail "$(cat "$work/raw")"
	same_descriptors "$before"

	# One user who takes no answers, and another who does.
	raw slow "$mnt" <"$work/go" >"$work/slow" 2>&1 &
	slow=$!
	exec 8>"$work/go"
	wait_for 60 grep -q waits "$work/slow" || fail "slow: $(cat "$work/slow")"
	EXTENTD_NO_DESCRIPTORS=1 "$check" --path --depth 32 "$mnt/whole" >/dev/null || fail "beside a slow reader"
	echo go >&8
	exec 8>&-
	wait $slow || fail "slow: $(cat "$work/slow")"
	same_descriptors "$before"
	stop_extentd || exit 1
done
