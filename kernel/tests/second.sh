#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# second.sh CUTS: cuts the power when a second fsync of a file has succeeded that began while the
# first was under way. Passes if that is what EXPECT says: without the word "order" at least one cut
# must lose what was fsynced, with it none may.
set -eu
cuts=$1
dir=$(mktemp -d /tmp/second.XXXXXX)
mkdir "$dir/disk" "$dir/mnt"
/tests/cutdisk "$dir/disk" 256
loop=$(losetup --direct-io=on --show -f "$dir/disk/disk")
mkfs.btrfs -q -m single -d single "$loop" >/dev/null 2>&1
lossy=0
for n in $(seq 0 "$cuts"); do
	mount "$loop" "$dir/mnt"
	[ "$n" = 0 ] || echo 300 0 100 >"$dir/disk/slow"
	/tests/test-second "$dir/disk" "$dir/mnt/file" "$dir/cut" "$n"
	echo 0 0 0 >"$dir/disk/slow"
	umount "$dir/mnt"
	image=$(losetup --show -f "$dir/cut.$n")
	mount "$image" "$dir/mnt"
	[ "$n" = 0 ] || /tests/test-powercut verify "$dir/mnt/file" "$n" || lossy=$((lossy + 1))
	umount "$dir/mnt"
	losetup -d "$image"
	rm "$dir/cut.$n"
done
losetup -d "$loop"
umount "$dir/disk"
echo "second fsync: $lossy of $cuts cuts lost what it had promised"
case " ${EXPECT:-} " in
*" order "*) [ "$lossy" = 0 ] || { echo "second fsync: FAILED: expected none"; exit 1; } ;;
*) [ "$lossy" != 0 ] || { echo "second fsync: FAILED: the control must lose"; exit 1; } ;;
esac
