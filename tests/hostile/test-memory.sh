#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon goes through a fixed piece of work while one allocation (and the next few) fails, a
# different one each time: it may refuse to start or refuse a request, but it does not crash, hang,
# or claim what is not so, and it ends in order. MEMORY_TRIALS for how many.
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd
scarce=$build/tests/hostile/libscarce.so
trials=${MEMORY_TRIALS:-24}
grep -q EXTENTD_SANITIZED "$build/build.ninja" && skip "sanitizers bring their own allocator"
mnt= # set by make_btrfs
make_btrfs mnt 512M
# Without the sandbox: libseccomp (2.5.4) frees twice when it finds no memory, before we serve.
printf '[Access]\nRoot=%s\n[Daemon]\nSandbox=no\n' "$mnt" >"$work/extentd.conf"
truncate -s 8 "$work/count"
export EXTENTD_SOCKET=$socket

work_through() {
	timeout 60 "$poke" "fd:$mnt/$1:create" fill:0:6:zstd:1 write:0:131072:lzo:5:written sync \
		write:65536:131072:none:3:accepted close "path:$mnt/$1.p:create" fill:0:3:zlib:4:written \
		sync-session status >"$work/said" 2>&1
}
allocations() { od -An -tu8 -N8 "$work/count" | tr -d ' '; }
trial() { # BACKEND AT RUN
	printf '\0\0\0\0\0\0\0\0' >"$work/count"
	rm -f "$socket"
	SCARCE_COUNT=$work/count SCARCE_AT=$2 SCARCE_RUN=$3 LD_PRELOAD=$scarce "$extentd" \
		--socket "$socket" --config "$work/extentd.conf" --backend "$1" >>"$daemon_log" 2>&1 &
	daemon_pid=$!
	wait_for 20 extentd_answers || fail "$1, allocation $2: neither starts nor ends"
	if [ -S "$socket" ] && ! process_ended_or_zombie "$daemon_pid"; then
		work_through "t$2"
		status=$?
		[ "$2" != 0 ] || [ $status -eq 0 ] || fail "does not even work with memory: $(cat "$work/said")"
		[ $status -lt 124 ] || fail "$1, allocation $2: a client waits for ever: $(tail -2 "$work/said")"
		# Past the failures it must serve as ever.
		for _ in 1 2 3 4 5 6; do
			[ "$(allocations)" -lt $(($2 + $3)) ] || break
			work_through again
		done
		process_ended_or_zombie "$daemon_pid" || work_through again ||
			fail "$1, allocation $2: no service afterwards: $(tail -2 "$work/said")"
		kill -TERM "$daemon_pid" 2>/dev/null
		started=$((started + 1))
	fi
	wait_for 30 process_ended_or_zombie "$daemon_pid" || fail "$1, allocation $2: does not end"
	wait "$daemon_pid"
	status=$?
	daemon_pid=
	[ $status -lt 128 ] || fail "$1, allocation $2: ended with status $status"
	[ $status -eq 0 ] || ended=$((ended + 1))
}

for backend in uring decode; do
	started=0 ended=0
	trial $backend 0 1
	total=$(allocations)
	RANDOM=${MEMORY_SEED:-1001}
	say "$backend: $total allocations, seed ${MEMORY_SEED:-1001}"
	for ((i = 0; i < trials / 2; i++)); do
		trial $backend $((1 + (RANDOM * 32768 + RANDOM) % total)) $((1 + i % 2 * 4))
	done
	say "$backend: $((trials / 2)) trials, $started started, $ended ended early with an error"
done
