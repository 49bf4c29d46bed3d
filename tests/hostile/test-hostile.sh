#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each attack of attack.c, as another user, while an honest client works: the daemon lives, answers
# as it must, gives everything back, and the honest client keeps its fair share. That is what it gets
# beside one more honest user, who does the same work as fast as he can: an attacker is one user, too,
# and his own processes take their part of the machine. HOSTILE_SHARE per cent of it are asked for,
# since a machine that does other things meanwhile measures badly; what is less is measured again, both
# sides, and counts if it stays so. HOSTILE_SECONDS for longer attacks, HOSTILE_ATTACKS for some.
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd
attack=$build/tests/hostile/attack
seconds=${HOSTILE_SECONDS:-2}
least=${HOSTILE_SHARE:-25}
mnt= # set by make_btrfs
make_btrfs mnt 2G
chmod 755 "$mnt"
install -d -m 777 "$mnt/hostile" "$mnt/rival"
printf '[Access]\nUsers=\nUsers=root 4242 4243\n' >"$work/extentd.conf"
: >"$mnt/hostile/foreign" && chmod 666 "$mnt/hostile/foreign" # not the attacker's own
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


# Sets $fair: the honest client's rate beside its rival.
beside_rival() {
	as_user 4243 timeout -k 5 $((seconds + 120)) bash -c 'i=0; until [ -e "$2" ]; do
		"$0" "fd:$1/rival/file:create" "fill:0:64:zstd:$((i++))" sync; done' \
		"$poke" "$mnt" "$work/enough" >/dev/null 2>&1 &
	local rival=$!

	for_seconds $seconds
	: >"$work/enough" # to kill the shell that acts as the user would leave the rival at work
	wait $rival
	rm "$work/enough"
	fair=$rate
}

# attack NAME: sets $rate, $rss_before, $rss_during
attack() {
	descriptors_before=$(descriptors)
	rss_before=$(rss)
	as_user 4242 timeout -k 5 300 "$attack" "$1" "$mnt/hostile" $((seconds + 1)) >"$work/attack" 2>&1 &
	pid=$!
	honest attacked
	rss_during=$(rss)
	wait $pid || fail "$1: $(cat "$work/attack")"
	process_ended "$daemon_pid" && fail "$1: the daemon died"
	wait_for 40 eval "[ \$(descriptors) -le $descriptors_before ]" || same_descriptors "$descriptors_before"
	warm_up || fail "$1: no service afterwards"
	share=$((rate * 100 / (fair > 0 ? fair : 1)))
	say "${HOSTILE_BACKEND:-auto}, $1: honest client $rounds rounds, $share % of its fair share," \
		"$((rate * 100 / (alone > 0 ? alone : 1))) % of its rate alone, RSS $rss_before, $rss_during, $(rss) KiB"
	[ "$rss_during" -lt $((rss_before + 262144)) ] || fail "$1: memory grew to $rss_during KiB"
}

warm_up || fail "no daemon"
for_seconds 1
rss_at_first=$(rss)
for_seconds $((seconds + 1))
alone=$rate
beside_rival
say "alone $alone rounds in 1000 s, beside another honest user $fair"
for name in ${HOSTILE_ATTACKS:-$("$attack" list)}; do
	attack "$name"
	for again in 1 2 3; do
		[ $share -lt "$least" ] || break
		[ $again -lt 3 ] || fail "$name leaves the honest client $share % of its fair share, three times"
		beside_rival
		attack "$name"
	done
done

# When nothing has happened for a while, what the attacks took is given back.
keeps=8192
given_back() { [ "$(rss)" -le $((rss_at_first + keeps)) ]; }
sanitized || wait_for 40 given_back || fail "$rss_at_first KiB before the attacks, and $(rss) for good"
say "RSS $rss_at_first KiB at first, $(rss) at last"
