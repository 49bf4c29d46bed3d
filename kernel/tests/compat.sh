#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 32-bit callers, then the 64-bit tests of the operation on x86 code.
set -eu
cpus=$(grep -c ^processor /proc/cpuinfo)
[ "$cpus" = "$CPUS" ] || { echo "compat: FAILED: $cpus processors instead of $CPUS"; exit 1; }
echo "compat: $cpus processors, $DISK"
dir=$(mktemp -d /tmp/compat.XXXXXX)
mkdir "$dir/files"
mkfs.btrfs -q -f "$DISK" >/dev/null 2>&1
mount "$DISK" "$dir/files"
/tests/test-compat "$dir/files/compat"
umount "$dir/files"
rm -rf "$dir"
bash /tests/operation.sh
