#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each attack of attack.c, and a swarm, as another user, while an honest client works: the daemon lives, answers
# as it must, gives everything back, and the honest client keeps its fair share. That is what it gets
# beside one more honest user, who does the same work as fast as he can, and who computes besides for
# as long as the attacker's own processes do: how that is shared out is not the daemon's business.
# Daemon, client and attacker are sessions of their own, which the kernel's autogroup treats alike, as
# systemd does with users. HOSTILE_SHARE per cent of the fair share are asked for, since a machine that
# does other things meanwhile measures badly; what is less is measured again, all sides, and counts if
# it stays so. HOSTILE_SECONDS for longer attacks, HOSTILE_ATTACKS for some.
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd
attack=$build/tests/hostile/attack
honest=$build/tests/hostile/honest
seconds=${HOSTILE_SECONDS:-2}
least=${HOSTILE_SHARE:-40}
mnt= # set by make_btrfs
make_btrfs mnt 2G
chmod 755 "$mnt"
install -d -m 777 "$mnt/hostile" "$mnt/rival"
printf '[Access]\nUsers=\nUsers=root 4242 4243\n' >"$work/extentd.conf"
: >"$mnt/hostile/foreign" && chmod 666 "$mnt/hostile/foreign" # not the attacker's own
ulimit -n 20000 # as the unit has it
EXTENTD_WRAP="${EXTENTD_WRAP:-} setsid" start_extentd ${HOSTILE_BACKEND:+--backend $HOSTILE_BACKEND}

rss() { awk '/^VmRSS/ {print $2}' "/proc/$daemon_pid/status"; }

# work_of USER FILE: the honest client, in the background, until $work/end.USER
work_of() {
	rm -f "$work/end.$1"
	as_user "$1" setsid timeout -k 5 300 "$honest" "$2" "$work/end.$1" >"$work/said.$1" 2>&1 &
}
# worked PID USER: ends that; sets $rate, of rounds in 1000 s, and $longest, in ms
worked() {
	: >"$work/end.$2"
	wait "$1" || fail "the honest client of user $2: status $?, $(head -3 "$work/said.$2")"
	read -r rate longest <"$work/said.$2"
}
alone() { # SECONDS
	work_of 0 "$mnt/honest"
	sleep "$1"
	worked $! 0
}

# timed UID FILE COMMAND...: writes into FILE how many per cent of the time it took were computed
timed() {
	local begin=${EPOCHREALTIME/./} status TIMEFORMAT='%3U %3S'

	{ time as_user "$1" setsid timeout -k 5 300 "${@:3}" >"$work/output" 2>&1; } 2>"$2.times"
	status=$?
	awk -v us=$((${EPOCHREALTIME/./} - begin)) '{ print int(($1 + $2) * 100000000 / us) }' "$2.times" >"$2"
	return $status
}

# Sets $fair and $fair_busy: the honest client's rate beside its rival, and when he computes, too,
# which he does $spun per cent of the time.
beside_rival() {
	local rival spinner

	work_of 4243 "$mnt/rival/file"
	rival=$!
	alone $seconds
	fair=$rate
	timed 4243 "$work/spun" sh -c 'until [ -e "$0" ]; do :; done' "$work/end.4243" &
	spinner=$!
	alone $seconds
	fair_busy=$rate
	worked $rival 4243
	wait $spinner
	spun=$(<"$work/spun")
}

# No harm meant: as much honest work as sixteen sessions of one user can ask for.
swarm='rm -f "$1/end"
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do "$0" "$1/swarm$i" "$1/end" & done
	sleep "$2"
	: >"$1/end"
	wait'

# attack NAME: sets $share
attack() {
	local descriptors_before rss_before rss_during attacker client computed
	local command=("$attack" "$1" "$mnt/hostile" $((seconds + 1)))

	[ "$1" != swarm ] || command=(sh -c "$swarm" "$honest" "$mnt/hostile" $((seconds + 1)))

	descriptors_before=$(descriptors)
	rss_before=$(rss)
	timed 4242 "$work/computed" "${command[@]}" &
	attacker=$!
	work_of 0 "$mnt/honest"
	client=$!
	wait $attacker || fail "$1: $(cat "$work/output")"
	computed=$(<"$work/computed")
	rss_during=$(rss)
	process_ended "$daemon_pid" && fail "$1: the daemon died"
	worked $client 0
	wait_for 40 eval "[ \$(descriptors) -le $descriptors_before ]" || same_descriptors "$descriptors_before"
	# Who computed more than the rival could is compared with him as he was.
	share=$((rate * 100 / (fair - (fair - fair_busy) * (computed < spun ? computed : spun) / (spun > 0 ? spun : 1))))
	say "${HOSTILE_BACKEND:-auto}, $1: $share % of the honest client's fair share, $((rate * 100 / single)) %" \
		"of its rate alone, longest round $longest ms; the attacker computed $computed % of the time;" \
		"RSS $rss_before, $rss_during, $(rss) KiB"
	[ "$rss_during" -lt $((rss_before + 262144)) ] || fail "$1: memory grew to $rss_during KiB"
}

alone 1
rss_at_first=$(rss)
alone $((seconds + 1))
single=$rate
beside_rival
say "alone $single rounds in 1000 s, beside another honest user $fair, when he computes, too, $spun % of the time, $fair_busy"
for name in ${HOSTILE_ATTACKS:-$("$attack" list) swarm}; do
	attack "$name"
	for again in 1 2 3; do
		[ $share -lt "$least" ] || break
		[ $again -lt 3 ] || fail "$name leaves the honest client $share % of its fair share, three times"
		beside_rival
		attack "$name"
	done
done
alone 1 # and it goes on

# When nothing has happened for a while, what the attacks took is given back.
keeps=8192
given_back() { [ "$(rss)" -le $((rss_at_first + keeps)) ]; }
sanitized || wait_for 40 given_back || fail "$rss_at_first KiB before the attacks, and $(rss) for good"
say "RSS $rss_at_first KiB at first, $(rss) at last"
