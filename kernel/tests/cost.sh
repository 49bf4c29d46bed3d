#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The cost table, on a loop device in memory: no I/O to wait for, so that all time is work.
set -eu
dir=$(mktemp -d /tmp/cost.XXXXXX)
mkdir "$dir/files"
truncate -s 768M "$dir/image"
mkfs.btrfs -q -m single -d single "$dir/image" >/dev/null 2>&1
mount -o loop "$dir/image" "$dir/files"
/tests/test-cost "$dir/files/file" "${1:-512}" "${2:-5}"
umount "$dir/files"
rm -rf "$dir"
