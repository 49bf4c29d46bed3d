#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The C tests of the operation: on a quick file system (on DISK if the guest has one), and on a disk
# that is slow and can fail.
set -u
dir=$(mktemp -d /tmp/operation.XXXXXX)
mkdir "$dir/disk" "$dir/slow" "$dir/files"
image=${DISK:-$dir/image}
[ -b "$image" ] || truncate -s 512M "$image"
/tests/cutdisk "$dir/disk" 256 || exit 1
loop=$(losetup --direct-io=on --show -f "$dir/disk/disk") || exit 1
for device in "$image" "$loop"; do
	mkfs.btrfs -q -f -m single -d single "$device" >"$dir/mkfs" 2>&1 || { cat "$dir/mkfs"; exit 1; }
done
if [ -b "$image" ]; then mount "$image" "$dir/files"; else mount -o loop "$image" "$dir/files"; fi || exit 1
mount "$loop" "$dir/slow" || exit 1
echo 200 65536 100 >"$dir/disk/slow"
export FILES=$dir/files SLOW=$dir/slow SLOWDISK=$dir/disk

status=0
for test in "${@:-refusals requests fixed flight errors}"; do
	for name in $test; do
		/tests/test-"$name" || { echo "operation: test-$name: exit $?"; status=1; }
	done
done

umount "$dir/files" "$dir/slow" || status=1
losetup -d "$loop"
umount "$dir/disk"
btrfs check "$image" >"$dir/check" 2>&1 || { cat "$dir/check"; status=1; }
rm -rf "$dir"
exit $status
