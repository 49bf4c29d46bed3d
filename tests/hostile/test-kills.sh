#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of clients and of the daemon under load. A dead client leaves nothing in the daemon: no
# descriptor, no arena, no request. A dead daemon is started again by who holds the socket, and the
# clients go on. (That nothing acknowledged is lost: life, storm, and the workload extentd-killed.)
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd command python3
errands=$build/tests/powercut/errands
mnt= # set by make_btrfs
make_btrfs mnt 2G
export EXTENTD_SOCKET=$socket
: >"$work/extentd.conf"
python3 -B "$(dirname "$0")/unit.py" "$socket" "$work/pid" "$extentd" --config "$work/extentd.conf" >>"$daemon_log" 2>&1 &
unit=$!
cleanup_fn end_unit
end_unit() {
	kill -TERM $unit 2>/dev/null
	wait $unit || say "the unit ended with status $?"
}

errand() { # NAME AMOUNT CLIENT
	"$errands" --socket="$socket" --dir="$mnt" --errand="$1" --amount="$2" --client="$3" --seed=1001 \
		>>"$work/said" 2>&1 &
	clients+=($!)
}
# daemon_pid stays empty, or lib.sh would take it for its own child
serving() { [ -s "$work/pid" ] && "$poke" status >"$work/status" 2>&1; }
held() { find "/proc/$(cat "$work/pid")/fd" -mindepth 1 2>/dev/null | wc -l; }
gauge() { sed -n "s/.*now_$1[ :=]*\([0-9]*\).*/\1/p" "$work/status"; }
idle() { # as many descriptors as before, no arena, nobody but the one who asks
	serving && [ "$(held)" -le "$before" ] && ! grep -q memfd: "/proc/$(cat "$work/pid")/maps" &&
		[ "$(gauge requests)" = 0 ] && [ "$(gauge files)" = 0 ] && [ "$(gauge arena_bytes)" = 0 ] &&
		[ "$(gauge sessions)" = 1 ]
}
is_idle() {
	wait_for 60 idle && return
	cat "$work/status"
	find "/proc/$(cat "$work/pid")/fd" -mindepth 1 -printf '%f %l\n'
	grep memfd: "/proc/$(cat "$work/pid")/maps"
	fail "$1: something is left, there were $before descriptors before"
}

wait_for 20 serving || fail "the unit does not serve: $(tail -3 "$daemon_log")"
clients=()
errand many 64 0
wait "${clients[@]}" || fail "an errand: $(tail -3 "$work/said")"
wait_for 20 eval '[ "$(held)" -le 64 ]'
sleep 0.5
serving
before=$(held)

# Clients, at any moment of theirs.
for round in 1 2 3 4 5 6; do
	clients=()
	n=$((round * 10))
	for name in one overlap levels many mixture inline; do
		errand $name 5000 $((n++))
	done
	sleep 0.$((round + 1))
	kill -KILL "${clients[@]}" 2>/dev/null
	wait "${clients[@]}" 2>/dev/null
	is_idle "$round. round of killed clients"
done
say "36 clients killed: nothing left"

# The daemon. Its clients connect again, and end well; each looks for descriptors of its own.
clients=()
errand one 200 100
errand many 128 101
errand levels 200 102
errand names 60 103
for round in 1 2 3 4; do
	sleep 0.$((round * 2))
	old=$(cat "$work/pid")
	kill -KILL "$old"
	wait_for 20 eval "[ \"\$(cat '$work/pid')\" != $old ]" || fail "not started again"
done
for pid in "${clients[@]}"; do
	wait "$pid" || fail "a client did not survive the daemon: $(tail -5 "$work/said")"
done
is_idle "after the daemon was killed"
tail -4 "$work/said"
say "daemon killed 4 times: clients went on, nothing left"
kill -TERM $unit
wait $unit || fail "the daemon ended with status $?"
