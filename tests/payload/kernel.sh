#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Compares the payload check with this kernel's decoders on a loop mount.
# usage: kernel.sh PROGRAM [COUNT [SEED]]; COUNT payloads a compression
set -eu

skip() {
	echo "skipped: $*"
	exit 77
}

program=$1
count=${2:-${PAYLOAD_COUNT:-10000}}
seed=${3:-${PAYLOAD_SEED:-1001}}

[ "$(id -u)" = 0 ] || skip "needs root"
command -v mkfs.btrfs >/dev/null || skip "needs mkfs.btrfs"
grep -qw btrfs /proc/filesystems || modprobe -q btrfs || skip "needs btrfs in the kernel"

base=${TMPDIR:-/tmp}
[ -d /dev/shm ] && base=/dev/shm
dir=$(mktemp -d "$base/payload-kernel.XXXXXX")
loop=
clean_up() {
	mountpoint -q "$dir/mnt" && umount "$dir/mnt"
	[ -z "$loop" ] || losetup -d "$loop"
	rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

(setsid "$(dirname "$0")/../common/janitor.sh" $$ "$dir" </dev/null >/dev/null 2>&1 &)

mkdir "$dir/mnt"
truncate -s 1G "$dir/image"
mkfs.btrfs -q "$dir/image"
loop=$(losetup -f --show "$dir/image") || skip "needs a loop device"
"$program" "$loop" "$dir/mnt" "$count" "$seed"
