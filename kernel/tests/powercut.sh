#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# powercut.sh uring|ioctl|fixed CUTS: cuts the power after each acknowledged write and counts the
# cuts that lost acknowledged data. Passes if that is what EXPECT says: without the word "sync"
# at least one cut must lose, with it none may.
set -eu
mode=$1 cuts=$2
dir=$(mktemp -d /tmp/powercut.XXXXXX)
mkdir "$dir/disk" "$dir/mnt"
/tests/cutdisk "$dir/disk" 256
loop=$(losetup --direct-io=on --show -f "$dir/disk/disk")
mkfs.btrfs -q -m single -d single "$loop" >/dev/null 2>&1
mount "$loop" "$dir/mnt"
# Every data write late, every metadata write prompt: the payload is 64 KiB, and btrfs merges at
# most three 16 KiB nodes of the small trees here.
echo 100 65536 100 >"$dir/disk/slow"
/tests/test-powercut write "$mode" "$dir/disk" "$dir/mnt/file" "$dir/cut" "$cuts"
umount "$dir/mnt"
losetup -d "$loop"
umount "$dir/disk"

lossy=0 damaged=0
for n in $(seq "$cuts"); do
	loop=$(losetup --show -f "$dir/cut.$n")
	if mount "$loop" "$dir/mnt" 2>/dev/null; then
		/tests/test-powercut verify "$dir/mnt/file" "$n" || lossy=$((lossy + 1))
		umount "$dir/mnt"
	else
		echo "cut $n: does not mount"
		lossy=$((lossy + 1))
	fi
	losetup -d "$loop"
	btrfs check "$dir/cut.$n" >"$dir/check" 2>&1 ||
		{ echo "cut $n: btrfs check fails after replay"; damaged=$((damaged + 1)); }
	rm "$dir/cut.$n"
done
rm -rf "$dir/check"
echo "powercut $mode: $lossy of $cuts cuts lost acknowledged data, $damaged damaged the filesystem"
case " ${EXPECT:-} " in
*" sync "*) [ "$lossy$damaged" = 00 ] || { echo "powercut $mode: FAILED: expected none"; exit 1; } ;;
*) [ "$lossy" != 0 ] || { echo "powercut $mode: FAILED: the control must lose"; exit 1; } ;;
esac
