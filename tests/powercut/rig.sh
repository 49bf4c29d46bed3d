# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Puts a recorded disk together and takes it apart again, whatever happened in between.
#
#	image (tmpfs) <- recorder (FUSE) <- loop device, direct I/O <- btrfs on $rig/mnt
#
# Direct I/O on the loop device matters: without it the loop worker handles one request after
# another, and the disk no longer reorders anything.
#
# Nothing here may hang. A process stuck on the disk is freed by aborting the FUSE connection:
# every request of it then ends with an error.

RIG_SIZE=${RIG_SIZE:-512M}
RIG_PATIENCE=20 # seconds before the connection is aborted

rig_open() # BIN-DIR SEED [mkfs options]
{
	local bin=$1 seed=$2
	shift 2
	rig=$(mktemp -d /dev/shm/powercut.XXXXXX)
	mkdir "$rig/fuse" "$rig/mnt"
	truncate -s "$RIG_SIZE" "$rig/image"
	mkfs.btrfs -q -f -d single -m single "$@" "$rig/image" >"$rig/mkfs.log" 2>&1 || {
		cat "$rig/mkfs.log" >&2
		return 1
	}
	cp --sparse=always "$rig/image" "$rig/origin"
	"$bin/recorder" "$rig/image" "$rig/history" "$rig/fuse" "$seed" &
	rig_recorder=$!
	for _ in $(seq 100); do
		[ -e "$rig/fuse/disk" ] && break
		sleep 0.05
	done
	rig_minor=$(($(stat -c %d "$rig/fuse") & 0xff | ($(stat -c %d "$rig/fuse") >> 12 & 0xfff00)))
	rig_loop=$(losetup --find --show --direct-io=on --sector-size=4096 "$rig/fuse/disk") || return 1
	mount -t btrfs ${RIG_MOUNT:+-o "$RIG_MOUNT"} "$rig_loop" "$rig/mnt"
}

# A second filesystem, that nothing goes wrong with: rig_second SIZE [mount options], at $second
rig_second()
{
	second=$rig/second
	mkdir "$second" && truncate -s "$1" "$rig/second.img" &&
		mkfs.btrfs -q -f "$rig/second.img" >"$rig/mkfs.log" 2>&1 &&
		mount -t btrfs -o "loop${2:+,$2}" "$rig/second.img" "$second"
}

rig_faults()
{
	printf '%s\n' "$@" >"$rig/fuse/faults"
}

# Ends the FUSE connection by force: every pending and later request fails.
rig_abort()
{
	local control=/sys/fs/fuse/connections
	[ -e "$control/$rig_minor" ] || mount -t fusectl none "$control" 2>/dev/null
	[ -e "$control/$rig_minor/abort" ] && echo 1 >"$control/$rig_minor/abort"
}

# Runs a command that may get stuck in the kernel; aborts the disk when it takes too long.
rig_patiently()
{
	local pid waited=0
	"$@" &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		sleep 0.05
		waited=$((waited + 1))
		if [ $waited -eq $((RIG_PATIENCE * 20)) ]; then
			echo "rig: '$*' is stuck, aborting the disk" >&2
			rig_abort
		fi
	done
	wait $pid
}

# Starts extentd on $socket. Again after rig_daemon_kill: as the socket unit would.
rig_daemon() # BIN-DIR [option...]
{
	local daemon=$1/../../daemon/extentd
	shift
	socket=$rig/socket
	rm -f "$socket"
	cat "${EXTENTD_TEST_CONFIG:-/dev/null}" >"$rig/extentd.conf"
	"$daemon" --socket "$socket" --config "$rig/extentd.conf" "$@" >>"$rig/daemon.log" 2>&1 &
	rig_daemon=$!
	for _ in $(seq 200); do
		[ -S "$socket" ] && return
		sleep 0.05
	done
	tail "$rig/daemon.log" >&2
	return 1
}

rig_daemon_kill()
{
	kill -KILL "$rig_daemon" 2>/dev/null
	wait "$rig_daemon" 2>/dev/null
	rig_daemon=
}

# SIGTERM: what is in flight gets its answer. A daemon that does not end is killed, and shown.
rig_daemon_stop()
{
	local pid=${rig_daemon:-}
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null
	for _ in $(seq $((RIG_PATIENCE * 20))); do
		[ -d "/proc/$pid" ] && [ "$(awk '{print $3}' "/proc/$pid/stat" 2>/dev/null)" != Z ] || break
		sleep 0.05
	done
	if kill -KILL "$pid" 2>/dev/null && [ "$(awk '{print $3}' "/proc/$pid/stat" 2>/dev/null)" != Z ]; then
		echo "rig: extentd did not end on SIGTERM" >&2
	fi
	wait "$pid"
	rig_daemon=
}

# Stops the disk; the history and the original image stay.
rig_stop()
{
	[ -n "${rig:-}" ] || return 0
	rig_daemon_stop
	[ -e "$rig/fuse/faults" ] && echo clear >"$rig/fuse/faults"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		mountpoint -q "$rig/mnt" || break
		rig_patiently umount "$rig/mnt" 2>/dev/null && break
		sleep 0.2
	done
	[ ! -d "$rig/second" ] || ! mountpoint -q "$rig/second" || umount "$rig/second"
	if [ -n "${rig_loop:-}" ]; then
		rig_patiently losetup -d "$rig_loop"
		rig_loop=
	fi
	if mountpoint -q "$rig/fuse"; then
		umount "$rig/fuse" 2>/dev/null || { rig_abort; umount -l "$rig/fuse"; }
	fi
	[ -n "${rig_recorder:-}" ] && wait "$rig_recorder"
	rig_recorder=
}

# Stops the disk and removes all of it.
rig_close()
{
	rig_stop
	[ -n "${rig:-}" ] && rm -rf --one-file-system "$rig"
	rig=
}
