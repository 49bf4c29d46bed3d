#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each attack of attack.c, as another user, while an honest client works: the daemon lives, answers
# as it must, gives everything back, and the honest client gets on: what it begins while the attack
# runs comes to its end. Its rate is printed, in per cent of that without the attack. HOSTILE_SECONDS
# for longer ones, HOSTILE_ATTACKS for some; HOSTILE_SHARE=30 on a machine where nothing else runs
# makes a smaller share a failure. (The attackers' own processes take their part of the machine.)
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd
attack=$build/tests/hostile/attack
seconds=${HOSTILE_SECONDS:-2}
least=${HOSTILE_SHARE:-0}
mnt= # set by make_btrfs
make_btrfs mnt 2G
chmod 755 "$mnt"
install -d -m 777 "$mnt/hostile"
: >"$mnt/hostile/foreign" && chmod 666 "$mnt/hostile/foreign" # not the attacker's own
printf '[Access]\nUsers=\nUsers=root 4242\n' >"$work/extentd.conf"
ulimit -n 20000 # as the unit has it
start_extentd ${HOSTILE_BACKEND:+--backend $HOSTILE_BACKEND}
warm_up() { "$poke" "fd:$mnt/honest:create" fill:0:8:zstd:1 >/dev/null; }

rss() { awk '/^VmRSS/ {print $2}' "/proc/$daemon_pid/status"; }
# Rounds of work that the honest client does while a command succeeds, one at least: an extent at a
# time would measure the disk, so each is 64 durable extents and a sync. $rate: rounds in 1000 s.
honest() {
	local begin=${EPOCHREALTIME/./}

	rounds=0
	while [ $rounds = 0 ] || "$@"; do
		timeout 300 "$poke" "fd:$mnt/honest:create" "fill:0:64:zstd:$rounds" sync >"$work/said" 2>&1 ||
			fail "the honest client: status $?, $(grep -v ^write "$work/said" | head -3)"
		rounds=$((rounds + 1))
	done
	rate=$((rounds * 1000000000 / (${EPOCHREALTIME/./} - begin)))
}
before_time() { [ "${EPOCHREALTIME/./}" -lt "$1" ]; }
for_seconds() { honest before_time $((${EPOCHREALTIME/./} + $1 * 1000000)); }
attacked() { ! process_ended_or_zombie "$pid"; }

warm_up || fail "no daemon"
for_seconds 1
rss_at_first=$(rss)
for_seconds $((seconds + 1))
alone=$rate
worst=
for name in ${HOSTILE_ATTACKS:-$("$attack" list)}; do
	descriptors_before=$(descriptors)
	rss_before=$(rss)
	as_user 4242 timeout 300 "$attack" "$name" "$mnt/hostile" $((seconds + 1)) >"$work/attack" 2>&1 &
	pid=$!
	honest attacked
	rss_during=$(rss)
	wait $pid || fail "$name: $(cat "$work/attack")"
	process_ended "$daemon_pid" && fail "$name: the daemon died"
	wait_for 40 eval "[ \$(descriptors) -le $descriptors_before ]" || same_descriptors "$descriptors_before"
	warm_up || fail "$name: no service afterwards"
	share=$((rate * 100 / (alone > 0 ? alone : 1)))
	say "${HOSTILE_BACKEND:-auto}, $name: honest client $rounds rounds, $share % of its rate alone, RSS $rss_before, $rss_during, $(rss) KiB"
	[ "$rss_during" -lt $((rss_before + 262144)) ] || fail "$name: memory grew to $rss_during KiB"
	[ $share -ge "$least" ] || worst="$name leaves the honest client $share %"
done
[ -z "$worst" ] || fail "$worst"

# When nothing has happened for a while, what the attacks took is given back.
given_back() { [ "$(rss)" -le $((rss_at_first + 8192)) ]; }
sanitized || wait_for 40 given_back || fail "$rss_at_first KiB before the attacks, and $(rss) for good"
say "RSS $rss_at_first KiB at first, $(rss) at last"
