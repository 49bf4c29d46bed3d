#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 32-bit callers, then the 64-bit tests of the operation on x86 code.
set -eu
dir=$(mktemp -d /tmp/compat.XXXXXX)
mkdir "$dir/files"
truncate -s 512M "$dir/image"
mkfs.btrfs -q "$dir/image" >/dev/null 2>&1
mount -o loop "$dir/image" "$dir/files"
/tests/test-compat "$dir/files/compat"
umount "$dir/files"
rm -rf "$dir"
bash /tests/operation.sh
