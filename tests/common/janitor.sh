#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Cleans up behind a test that cannot do it any more, because it was killed or hangs in the kernel.
#
#	janitor.sh PID DIRECTORY
#
# Waits until process PID has ended; then takes down what is mounted beneath DIRECTORY
# and the loop devices on files there, kills whoever works there, and removes it. Where DIRECTORY
# is gone already there is nothing to do. Started by setsid and without the test's descriptors:
# neither a signal to the test's process group ends it, nor does it keep an output open.
set -u
pid=$1 dir=$2

tail --pid="$pid" -s 0.5 -f /dev/null
[ -d "$dir" ] || exit 0

mounts() { awk -v at="$dir/" 'index($5, at) == 1 { print $3, $5 }' /proc/self/mountinfo | sort -rk2; }

# Whoever waits for a FUSE server is freed by nothing else.
mount -t fusectl none /sys/fs/fuse/connections 2>/dev/null
mounts | while read -r device _; do
	[ "${device%%:*}" != 0 ] || [ ! -e "/sys/fs/fuse/connections/${device#*:}/abort" ] ||
		echo 1 >"/sys/fs/fuse/connections/${device#*:}/abort"
done

for process in /proc/[0-9]*; do # who names DIRECTORY in its arguments; the test itself does not
	[ "$process" = "/proc/$$" ] || [ "$process" = "/proc/$BASHPID" ] ||
		! tr '\0' '\n' <"$process/cmdline" 2>/dev/null | grep -qF "$dir/" || kill -KILL "${process#/proc/}"
done 2>/dev/null

for _ in 1 2 3 4 5; do
	mounts | while read -r _ point; do
		timeout -k 1 20 umount "$point" || umount -l "$point"
	done
	losetup --noheadings --output NAME,BACK-FILE | awk -v at="$dir/" 'index($2, at) == 1 { print $1 }' |
		xargs -rn 1 timeout -k 1 20 losetup --detach
	[ -n "$(mounts)" ] || break
	sleep 1
done 2>/dev/null
[ -n "$(mounts)" ] || rm -rf --one-file-system "$dir"
