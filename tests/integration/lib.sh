# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the integration tests share: `. "$(dirname "$0")/lib.sh"` at the top of each. A test is a
# bash script that exits 0, 77 (skipped, with the reason on stdout) or anything else (failed).
#
# Everything is made in $work, a directory of this test's own, and undone in reverse order at the
# end, however it ends; by the janitor, where the test itself was killed. Processes are ended by their id. Results come back in variables, not
# through $(...): a subshell could not register what has to be undone.
#
#	requires root btrfs uring		skip unless all are there; or: requires command fio
#	cleanup_fn umount /x			undo this at the end
#	make_btrfs mnt 512M compress=zstd	$mnt is a new btrfs on a loop device
#	make_fs ext4 mnt 512M			the same for another filesystem
#	start_extentd --backend ioctl		$daemon_pid, $socket; also exported as EXTENTD_SOCKET
#	stop_extentd				SIGTERM; it must exit with 0
#	fails_with TEXT command...		the command fails and says TEXT
#	as_user UID command...			with no supplementary groups and no capabilities
#	fail TEXT / skip TEXT

# With pipefail, "command | grep -q" fails now and then: grep ends at the first match, and who writes
# on gets SIGPIPE. So: grep -q TEXT <<<"$(command)".
set -u -o pipefail

# Where the programs are: meson says so, and by hand it is the build directory next to the tree.
tests_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${EXTENTD_BUILD:-$tests_dir/../../build}
build=$(cd "$build" && pwd) || exit 1
extentd=$build/daemon/extentd
extentctl=$build/client/ctl/extentctl
# shellcheck disable=SC2034 # the tests use it
poke=$build/tests/integration/extent-poke
export EXTENTD=$extentd

work=$(mktemp -d "${EXTENTD_TEST_DIR:-/dev/shm}/extentd-test-XXXXXX") || exit 1
chmod 755 "$work"
(setsid "$tests_dir/../common/janitor.sh" $$ "$work" </dev/null >/dev/null 2>&1 &)
socket=$work/extentd.sock
daemon_pid=
daemon_log=$work/extentd.log
undo=()
loops=()

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }

fail() {
	say "FAILED: $*"
	exit 1
}

skip() {
	say "skipped: $*"
	exit 77
}

cleanup_fn() {
	undo+=("$(printf '%q ' "$@")")
}

finish() {
	local status=$? i

	trap - EXIT INT TERM HUP
	[ -z "$daemon_pid" ] || stop_extentd || [ $status -ne 0 ] || status=1
	# What the kernel said about our own filesystems, or about our own processes.
	if [ $status -eq 0 ] && ! kernel_is_content; then
		status=1
	fi
	for ((i = ${#undo[@]} - 1; i >= 0; i--)); do
		eval "${undo[i]}" || say "could not undo: ${undo[i]}"
	done
	if [ $status -ne 0 ] && [ $status -ne 77 ] && [ -s "$daemon_log" ]; then
		say "what extentd said:"
		tail -n 50 "$daemon_log"
	fi
	rm -rf --one-file-system "$work"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

requires() {
	local what

	while [ $# -gt 0 ]; do
		what=$1
		shift
		case $what in
		root)
			[ "$(id -u)" = 0 ] || skip "needs root"
			;;
		btrfs)
			grep -qw btrfs /proc/filesystems || skip "needs a kernel with btrfs"
			command -v mkfs.btrfs >/dev/null || skip "needs mkfs.btrfs: ./dev setup"
			[ -e /dev/loop-control ] || skip "needs loop devices"
			;;
		uring)
			[ "$(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null || echo 0)" = 0 ] ||
				skip "needs io_uring"
			;;
		fuse)
			[ -e /dev/fuse ] || skip "needs FUSE"
			;;
		extentd)
			[ -x "$extentd" ] || skip "extentd was not built"
			;;
		extentctl)
			[ -x "$extentctl" ] || skip "extentctl was not built"
			;;
		command)
			command -v "$1" >/dev/null || skip "needs $1: ./dev setup"
			shift
			;;
		*)
			fail "requires: what is \"$what\"?"
			;;
		esac
	done
}

# make_fs TYPE VARIABLE SIZE [MOUNT OPTIONS [MKFS ARGUMENT...]]
make_fs() {
	local type=$1 variable=$2 size=$3 options=${4:-defaults} image device at
	shift 3
	[ $# -eq 0 ] || shift
	image=$work/$variable.img at=$work/$variable
	{ truncate -s "$size" "$image" && mkdir "$at"; } || fail "no room for $image"
	case $type in
	btrfs) mkfs.btrfs -q "$@" "$image" ;;
	*) "mkfs.$type" -q "$@" "$image" ;;
	esac >"$work/mkfs.log" 2>&1 || fail "mkfs.$type: $(tail -3 "$work/mkfs.log")"
	device=$(losetup --find --show "$image") || fail "no loop device for $image"
	cleanup_fn losetup --detach "$device"
	loops+=("${device#/dev/}")
	kernel_mark "${device#/dev/}"
	mount -t "$type" -o "$options" "$device" "$at" || fail "cannot mount $image"
	cleanup_fn umount_patiently "$at"
	printf -v "$variable" '%s' "$at"
	printf -v "${variable}_device" '%s' "$device"
}

make_btrfs() {
	make_fs btrfs "$@"
}

# A descriptor that the kernel is still giving back keeps a mount busy for a moment.
umount_patiently() {
	local i

	for i in 1 2 3 4 5 6 7 8 9 10; do
		umount "$1" 2>/dev/null && return 0 # in a trap, a bare return means something else
		mountpoint -q "$1" || return 0
		sleep 0.2
	done
	umount "$1"
}

# wait_for SECONDS command...: until it succeeds
wait_for() {
	local tenths=$(($1 * 10))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $((tenths--)) -gt 0 ] || return 1
		sleep 0.1
	done
}

process_ended() { ! kill -0 "$1" 2>/dev/null; }

# The daemon reads no configuration of this machine: $work/extentd.conf, which is empty, or a copy
# of $EXTENTD_TEST_CONFIG, unless the test wrote one before.
start_extentd() {
	[ -x "$extentd" ] || skip "extentd was not built"
	rm -f "$socket"
	[ -e "$work/extentd.conf" ] || cat "${EXTENTD_TEST_CONFIG:-/dev/null}" >"$work/extentd.conf"
	${EXTENTD_WRAP:-} "$extentd" --socket "$socket" --config "$work/extentd.conf" "$@" \
		>>"$daemon_log" 2>&1 &
	daemon_pid=$!
	export EXTENTD_SOCKET=$socket
	wait_for 20 extentd_answers || {
		process_ended "$daemon_pid" && daemon_pid=
		fail "extentd did not start: $(tail -n 3 "$daemon_log")"
	}
}

extentd_answers() {
	process_ended "$daemon_pid" && return 0 # and the caller will see it
	[ -S "$socket" ]
}

stop_extentd() {
	local pid=$daemon_pid status

	daemon_pid=
	kill -TERM "$pid" 2>/dev/null || {
		say "FAILED: extentd had ended by itself"
		return 1
	}
	if ! wait_for 30 process_ended_or_zombie "$pid"; then
		say "FAILED: extentd did not end within 30 s of SIGTERM"
		kill -KILL "$pid"
	fi
	wait_for 30 process_ended_or_zombie "$pid" || {
		say "FAILED: extentd hangs in the kernel: $(cat "/proc/$pid/task"/*/stack 2>/dev/null | head -n 20)"
		return 1 # the janitor will free it
	}
	wait "$pid"
	status=$?
	[ $status -eq 0 ] || say "FAILED: extentd ended with status $status"
	return $status
}

process_ended_or_zombie() {
	process_ended "$1" || [ "$(awk '{print $3}' "/proc/$1/stat" 2>/dev/null)" = Z ]
}

# kill -9, as a crash would end it
crash_extentd() {
	kill -KILL "$daemon_pid"
	wait "$daemon_pid" 2>/dev/null
	daemon_pid=
}

# For "no descriptor was leaked": before=$(descriptors); ...; same_descriptors "$before"
descriptors() {
	find "/proc/$daemon_pid/fd" -mindepth 1 2>/dev/null | wc -l
}

same_descriptors() {
	local before=$1 i now=

	for i in 1 2 3 4 5 6 7 8 9 10; do # closing may take the daemon another turn of its loop
		now=$(descriptors)
		[ "$now" -eq "$before" ] && return 0
		sleep 0.2
	done
	find "/proc/$daemon_pid/fd" -mindepth 1 -printf '%f %l\n'
	fail "extentd held $before descriptors before, and $now now"
}

# What the kernel's log says of our filesystems, since their devices became ours, and of our
# processes, since the start of the test. Other tests may run beside this one.
kernel_mark() { echo "extentd-test $$: $1" 2>/dev/null >/dev/kmsg || true; }

kernel_lines_since() { # everything, if the mark has left the kernel's buffer
	dmesg 2>/dev/null | awk -v mark="extentd-test $$: $1" \
		'{ all = all $0 "\n" } index($0, mark) { all = "" } END { printf "%s", all }'
}

kernel_mark begins
expect_kernel_errors=no # a test that injects faults says yes
kernel_is_content() {
	local device lines complaint='error|warning|critical|aborted|corrupt'

	[ $expect_kernel_errors = no ] || return 0
	# A crash, and a system call that the sandbox refused to the extentd of this build.
	lines=$(kernel_lines_since begins |
		grep -E "Comm: (extentd|extentctl|extent-poke)|(extentd|extentctl)\\[|type=1326 .*exe=\"$extentd\"")
	for device in "${loops[@]+"${loops[@]}"}"; do
		lines+=$(kernel_lines_since "$device" | grep -E "\(device $device\)" | grep -E "$complaint")
	done
	[ -n "$lines" ] || return 0
	say "FAILED: the kernel complained:"
	head -n 20 <<<"$lines"
	return 1
}

as_user() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups --inh-caps=-all --bounding-set=-all "$@"
}

fails_with() {
	local text=$1 output

	shift
	if output=$("$@" 2>&1); then
		fail "should have failed: $*"
	fi
	case $output in
	*"$text"*) ;;
	*) fail "should have said \"$text\": $* said: $output" ;;
	esac
}

# Are all of a file's extents stored compressed, and is there at least one?
all_encoded() {
	local map

	map=$(filefrag -v "$1") || return 1
	map=$(grep -E '^ +[0-9]+:' <<<"$map") || return 1
	! grep -qv encoded <<<"$map"
}

# A build with a sanitizer needs more memory and has no system call filter.
sanitized() { grep -qaE '__(asan|tsan)_init' "$extentd"; }

# check_acknowledged FILE MIRROR SAID: what extent-poke said was durable is there; $acknowledged
check_acknowledged() {
	acknowledged=$(python3 -B "$tests_dir/acknowledged.py" "$1" "$2" <"$3") || fail "$acknowledged"
}

# All filesystems of the machine are gone through, also one that is just being unmounted and hangs:
# whoever is stuck there can't be ended, so nobody waits for it without a limit.
drop_caches() {
	local pid

	sync -f "${1:-/}"
	sh -c 'echo 3 >/proc/sys/vm/drop_caches' &
	pid=$!
	wait_for 60 process_ended_or_zombie $pid || fail "the kernel's caches could not be dropped in 60 s"
	wait $pid
}
