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
# every request of it then ends with an error. That happens to a disk that is still there after
# RIG_LIMIT; and the janitor takes down what a rig that was killed itself left behind.

RIG_SIZE=${RIG_SIZE:-512M}
RIG_PATIENCE=20 # seconds before the connection is aborted, and before what is stuck is given up
RIG_LIMIT=${RIG_LIMIT:-400} # seconds

rig_open() # BIN-DIR SEED [mkfs options]
{
	local bin=$1 seed=$2 me=$BASHPID
	shift 2
	rig=$(mktemp -d "${EXTENTD_TEST_DIR:-/dev/shm}/powercut.XXXXXX") || return 1
	(setsid "$(dirname "${BASH_SOURCE[0]}")/../common/janitor.sh" "$me" "$rig" </dev/null >/dev/null 2>&1 &)
	mkdir "$rig/fuse" "$rig/mnt"
	truncate -s "$RIG_SIZE" "$rig/image"
	mkfs.btrfs -q -f -d single -m single "$@" "$rig/image" >"$rig/mkfs.log" 2>&1 || {
		cat "$rig/mkfs.log" >&2
		return 1
	}
	cp --sparse=always "$rig/image" "$rig/origin"
	"$bin/recorder" "$rig/image" "$rig/history" "$rig/fuse" "$seed" &
	rig_recorder=$!
	for _ in $(seq 400); do
		[ -e "$rig/fuse/disk" ] && break
		sleep 0.05
	done
	rig_minor=$(($(stat -c %d "$rig/fuse") & 0xff | ($(stat -c %d "$rig/fuse") >> 12 & 0xfff00)))
	rig_watch </dev/null >/dev/null 2>&1 &
	rig_patiently losetup --find --show --direct-io=on --sector-size=4096 "$rig/fuse/disk" >"$rig/loop" || return 1
	rig_loop=$(cat "$rig/loop")
	rig_patiently mount -t btrfs ${RIG_MOUNT:+-o "$RIG_MOUNT"} "$rig_loop" "$rig/mnt"
}

rig_mounted() { grep -qF " $rig/$1 " /proc/self/mountinfo; } # asks nobody who may not answer

rig_watch()
{
	local begin=$SECONDS

	while rig_mounted fuse; do
		[ $((SECONDS - begin)) -lt "$RIG_LIMIT" ] || {
			echo "the disk was still there after $RIG_LIMIT s" >"$rig/late"
			rig_abort
			return
		}
		sleep 1
	done
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
	! printf '%s\n' "$@" | grep -q '^fail ' || rig_failing=yes
	printf '%s\n' "$@" >"$rig/fuse/faults"
}

# Ends the FUSE connection by force: every pending and later request fails.
rig_abort()
{
	local control=/sys/fs/fuse/connections
	[ -e "$control/$rig_minor" ] || mount -t fusectl none "$control" 2>/dev/null
	[ -e "$control/$rig_minor/abort" ] && echo 1 >"$control/$rig_minor/abort"
}

# Runs a command that may get stuck in the kernel.
rig_patiently()
{
	"$@" &
	rig_wait $! "'$*'"
}

# Waits for a child; aborts the disk when it takes too long, and then gives it up.
rig_wait() # PID NAME
{
	local waited=0

	while kill -0 "$1" 2>/dev/null; do
		sleep 0.05
		waited=$((waited + 1))
		if [ $waited -eq $((RIG_PATIENCE * 20)) ]; then
			echo "rig: $2 is stuck, aborting the disk" >&2
			rig_abort
		elif [ $waited -eq $((RIG_PATIENCE * 40)) ]; then
			echo "rig: $2 is stuck for good" >&2
			kill -KILL "$1" 2>/dev/null
			return 1
		fi
	done
	wait "$1"
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
	rig_wait "$rig_daemon" "the killed daemon" 2>/dev/null
	rig_daemon=
}

# SIGTERM: what is in flight gets its answer. A daemon that does not end is killed, and shown.
rig_daemon_stop()
{
	[ -n "${rig_daemon:-}" ] || return 0
	kill -TERM "$rig_daemon" 2>/dev/null
	rig_wait "$rig_daemon" "extentd, after SIGTERM,"
	rig_daemon=
}

# Stops the disk; the history and the original image stay.
rig_stop()
{
	[ -n "${rig:-}" ] || return 0
	rig_daemon_stop
	[ -e "$rig/fuse/faults" ] && echo clear >"$rig/fuse/faults"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		rig_mounted mnt || break
		rig_patiently umount "$rig/mnt" 2>/dev/null && break
		sleep 0.2
	done
	! rig_mounted second || rig_patiently umount "$rig/second"
	if [ -n "${rig_loop:-}" ]; then
		rig_patiently losetup -d "$rig_loop"
		rig_loop=
	fi
	if rig_mounted fuse; then
		umount "$rig/fuse" 2>/dev/null || { rig_abort; umount -l "$rig/fuse"; }
	fi
	[ -z "${rig_recorder:-}" ] || rig_wait "$rig_recorder" "the recorder"
	rig_recorder=
}

# Stops the disk and removes all of it.
rig_close()
{
	rig_stop
	[ -n "${rig:-}" ] && rm -rf --one-file-system "$rig"
	rig=
}
