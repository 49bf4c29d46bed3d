#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# cost.sh [EXTENTS [ROUNDS]]: the cost table, on the guest's disk if it has one (DISK), whose work is
# not the guest's, and on a loop device in memory otherwise, whose copying counts.
set -eu
dir=$(mktemp -d /tmp/cost.XXXXXX)
mkdir "$dir/files"
truncate -s 768M "$dir/image"
device=${DISK:-$dir/image}
mkfs.btrfs -q -f -m single -d single "$device" >/dev/null 2>&1
if [ -b "$device" ]; then mount "$device" "$dir/files"; else mount -o loop "$device" "$dir/files"; fi
echo "on $device"
/tests/test-cost "$dir/files/file" "${1:-512}" "${2:-5}"
umount "$dir/files"
rm -rf "$dir"
