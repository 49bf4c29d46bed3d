#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each attack of attack.c, as another user, while an honest client works: the daemon lives, answers
# as it must, gives everything back, and the honest client keeps its share. HOSTILE_SECONDS for
# longer ones, HOSTILE_ATTACKS for some.
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd
attack=$build/tests/hostile/attack
seconds=${HOSTILE_SECONDS:-2}
# Per cent of its rate without the attack. What the attackers' own processes take of a small or busy
# machine is in it: by default it must only not be starved; 30 is right where nothing else runs.
least=${HOSTILE_SHARE:-1}
mnt= # set by make_btrfs
make_btrfs mnt 2G
chmod 755 "$mnt"
install -d -m 777 "$mnt/hostile"
printf '[Access]\nUsers=\nUsers=root 4242\n' >"$work/extentd.conf"
ulimit -n 20000 # as the unit has it
start_extentd ${HOSTILE_BACKEND:+--backend $HOSTILE_BACKEND}
warm_up() { "$poke" "fd:$mnt/honest:create" fill:0:8:zstd:1 >/dev/null; }

rss() { awk '/^VmRSS/ {print $2}' "/proc/$daemon_pid/status"; }
# Rounds of work that the honest client does in so many seconds: an extent at a time would measure
# the disk, so each is 64 durable extents and a sync.
honest() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000)) n=0

	while [ "${EPOCHREALTIME/./}" -lt $end ]; do
		"$poke" "fd:$mnt/honest:create" "fill:0:64:zstd:$n" sync >"$work/said" 2>&1 ||
			fail "the honest client: $(grep -v ^write "$work/said" | head -3)"
		n=$((n + 1))
	done
	rounds=$n
}

warm_up || fail "no daemon"
honest 1
honest $((seconds + 1))
alone=$rounds
worst=
for name in ${HOSTILE_ATTACKS:-$("$attack" list)}; do
	descriptors_before=$(descriptors)
	rss_before=$(rss)
	as_user 4242 "$attack" "$name" "$mnt/hostile" $((seconds + 1)) >"$work/attack" 2>&1 &
	pid=$!
	honest $((seconds + 1))
	rss_during=$(rss)
	wait_for 90 process_ended_or_zombie $pid || fail "$name: the attack does not end"
	wait $pid || fail "$name: $(cat "$work/attack")"
	process_ended "$daemon_pid" && fail "$name: the daemon died"
	wait_for 40 eval "[ \$(descriptors) -le $descriptors_before ]" || same_descriptors "$descriptors_before"
	warm_up || fail "$name: no service afterwards"
	share=$((rounds * 100 / (alone > 0 ? alone : 1)))
	say "${HOSTILE_BACKEND:-auto}, $name: honest client $rounds of $alone rounds ($share %), RSS $rss_before, $rss_during, $(rss) KiB"
	[ "$rss_during" -lt $((rss_before + 262144)) ] || fail "$name: memory grew to $rss_during KiB"
	[ $share -ge "$least" ] || worst="$name leaves the honest client $share %"
done
[ -z "$worst" ] || fail "$worst"
