#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Allocation failures, on kernels that can make them.
set -u
if [ ! -d /sys/kernel/debug/failslab ]; then
	echo "memory: no fault injection for allocations in this kernel: skipped"
	exit 0
fi
for kind in failslab fail_page_alloc; do
	echo Y >/sys/kernel/debug/$kind/task-filter
	echo N >/sys/kernel/debug/$kind/ignore-gfp-wait
	echo 0 >/sys/kernel/debug/$kind/verbose
	echo 1 >/sys/kernel/debug/$kind/interval
	echo -1 >/sys/kernel/debug/$kind/times
done
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
dir=$(mktemp -d /tmp/memory.XXXXXX)
mkdir "$dir/files"
status=0
for probability in 1 3 10 30; do
	rm -f "$dir/image"
	truncate -s 256M "$dir/image"
	mkfs.btrfs -q "$dir/image" >/dev/null 2>&1 && mount -o loop "$dir/image" "$dir/files" || exit 1
	/tests/test-memory "$dir/files/file" "$probability" || status=1
	umount "$dir/files" || status=1
	btrfs check "$dir/image" >"$dir/check" 2>&1 || { cat "$dir/check"; status=1; }
done
rm -rf "$dir"
exit $status
