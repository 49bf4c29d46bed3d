#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory runs out at each place where the daemon, or a program with the library, asks for some: once,
# and four times in a row, while clients make use of all that the service can do. Either may refuse,
# or end in order; neither crashes, hangs, leaks (with AddressSanitizer) or says what is not so, and
# the daemon serves on. MEMORY_TRIALS for how many, at random (MEMORY_SEED); all: each of them.
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd command setarch
hostile=$build/tests/hostile
trials=${MEMORY_TRIALS:-40}
setarch -R true 2>/dev/null || skip "addresses cannot be fixed here"
grep -qa __tsan_init "$extentd" && skip "ThreadSanitizer is not to be had together with this"
mnt= # set by make_btrfs
make_btrfs mnt 512M
# Without the sandbox: libseccomp (2.5.4) frees twice when it finds no memory, before we serve.
printf '[Access]\nRoot=%s\n[Daemon]\nSandbox=no\n' "$mnt" >"$work/extentd.conf"
export EXTENTD_SOCKET=$socket
export ASAN_OPTIONS=verify_asan_link_order=0:allocator_may_return_null=1:exitcode=99
export UBSAN_OPTIONS=halt_on_error=1:exitcode=99

scarce=(setarch -R env "LD_PRELOAD=$hostile/libscarce.so") # VARIABLE=VALUE... COMMAND...
serve() { # BACKEND VARIABLE=VALUE...
	local backend=$1

	shift
	rm -f "$socket"
	"${scarce[@]}" "$@" "$extentd" --socket "$socket" --config "$work/extentd.conf" --backend "$backend" \
		>>"$daemon_log" 2>&1 &
	daemon_pid=$!
	wait_for 20 extentd_answers || fail "$*: neither starts nor ends"
}
work_through() { timeout 60 "$@" "$hostile/service" "$mnt" >"$work/said" 2>&1; }
good() { # STATUS WHAT: of a client, whatever it was refused
	case $1 in
	0 | 1) ;;
	2) fail "$2: an answer that is not true: $(cat "$work/said")" ;;
	124) fail "$2: a client waits for ever: $(tail -2 "$work/said")" ;;
	*) fail "$2: a client ended with status $1: $(tail -30 "$work/said")" ;;
	esac
}
ended() { # WHAT
	local status

	wait_for 30 process_ended_or_zombie "$daemon_pid" || fail "$1: does not end"
	wait "$daemon_pid"
	status=$?
	daemon_pid=
	[ $status -le 1 ] || fail "$1: ended with status $status"
	[ $status -eq 0 ] || early=$((early + 1))
}
serves_again() { # there may be failures left for the first ones
	work_through || work_through || work_through || work_through
}
daemon_trial() { # BACKEND PLACE RUN
	serve "$1" SCARCE_AT="$2" SCARCE_RUN="$3"
	if [ -S "$socket" ] && ! process_ended_or_zombie "$daemon_pid"; then
		work_through
		good $? "$1, $2, $3"
		# Past that it must serve as ever.
		process_ended_or_zombie "$daemon_pid" || serves_again || fail "$1, $2, $3: no service afterwards: $(cat "$work/said")"
		kill -TERM "$daemon_pid" 2>/dev/null
	fi
	ended "$1, $2, $3"
}
# A third of the trials: some of the places in a file, or all, each with the number of failures there.
chosen() { # PLACES
	if [ "$trials" = all ]; then
		sed 's/.*/& 1\n& 4/' "$1"
	else
		shuf -n $((trials / 3)) --random-source=<(yes "${MEMORY_SEED:-1001}") "$1" | awk '{ print $0, NR % 2 * 3 + 1 }'
	fi
}

for backend in uring decode; do
	early=0 n=0
	for _ in 1 2; do # threads race, and reach one or the other only now and then
		serve $backend SCARCE_PLACES="$work/places.$backend"
		work_through || fail "does not even work with memory: $(cat "$work/said")"
		kill -TERM "$daemon_pid"
		ended "with memory"
	done
	sort -u -o "$work/places.$backend" "$work/places.$backend"
	while read -r place run; do
		daemon_trial $backend "$place" "$run"
		n=$((n + 1))
	done < <(chosen "$work/places.$backend")
	[ $n -gt 0 ] || fail "$backend: nothing was tried"
	say "$backend: $(wc -l <"$work/places.$backend") places, $n trials, $early ended early with an error"
done

serve uring A=
work_through "${scarce[@]}" SCARCE_PLACES="$work/places.client" || fail "the client does not even work with memory: $(cat "$work/said")"
sort -u -o "$work/places.client" "$work/places.client"
n=0 refused=0
while read -r place run; do
	work_through "${scarce[@]}" SCARCE_AT="$place" SCARCE_RUN="$run"
	status=$?
	good $status "client, $place, $run"
	refused=$((refused + status)) n=$((n + 1))
done < <(chosen "$work/places.client")
[ $n -gt 0 ] || fail "client: nothing was tried"
say "client: $(wc -l <"$work/places.client") places, $n trials, $refused refused or ended something"
kill -TERM "$daemon_pid"
ended "after the clients"
