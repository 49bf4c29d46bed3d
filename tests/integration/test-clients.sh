#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Clients by the thousand, clients that die, do not read, or speak nonsense: nobody else notices.
. "$(dirname "$0")/lib.sh"
requires root btrfs extentd command python3
make_btrfs mnt 1G
printf '[Limits]\nHelloSeconds=2\n' >"$work/extentd.conf"
ulimit -n 8192
start_extentd
raw() { python3 -B "$tests_dir/rawclient.py" "$@"; }
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$daemon_pid/status"; } # KiB
before=$(descriptors)
rss_before=$(rss)

# --- a thousand connections
mkfifo "$work/go"
raw many 1000 <"$work/go" >"$work/many" 2>&1 &
many=$!
exec 8>"$work/go"
wait_for 60 grep -q '1000 sessions' "$work/many" || fail "a thousand connections: $(cat "$work/many")"
[ "$("$poke" status | awk '$1 == "now_sessions" { print $2 }')" -ge 1001 ] || fail "fewer sessions than clients"
grown=$((($(rss) - rss_before) / 1024))
say "1000 idle sessions take $grown MiB"
[ $grown -le 64 ] || sanitized || fail "1000 sessions take $grown MiB, more than 64"
"$poke" "fd:$mnt/among:create" "mirror:$work/among" fill:0:50:zstd:1 sync >/dev/null || fail "among a thousand"
cmp "$mnt/among" "$work/among" || fail "among a thousand: other bytes"
echo go >&8
exec 8>&-
wait $many || fail "a thousand connections: $(cat "$work/many")"
same_descriptors "$before"

# --- peers that misbehave, and an honest one that writes meanwhile
for mode in byte-at-a-time half-frame malformed silent descriptor-flood slow-reader; do
	"$poke" "fd:$mnt/honest:create,trunc" fill:0:100:zstd:7 sync >"$work/honest" 2>&1 &
	honest=$!
	raw $mode >"$work/raw" 2>&1 || fail "$mode: $(cat "$work/raw")"
	wait $honest || fail "$mode disturbs an honest client: $(grep -v '^write' "$work/honest")"
	[ ! -s "$work/raw" ] || say "$mode: $(cat "$work/raw")"
	same_descriptors "$before"
done
grown=$((($(rss) - rss_before) / 1024))
[ $grown -le 128 ] || sanitized || fail "the daemon has grown by $grown MiB"

# --- many descriptors in one message: on a filesystem that the daemon does not know yet, and on one
# that another client's file makes known
mkdir "$mnt/together"
raw together "$mnt/together" || fail "descriptors that travel together"
same_descriptors "$before"
mkfifo "$work/hold"
"$poke" "fd:$mnt/together/known:create" "fd:$work/hold:ro" >/dev/null 2>&1 &
holder=$!
wait_for 20 eval '[ $(descriptors) -gt '"$before"' ]' || fail "no second client"
raw together "$mnt/together" || fail "descriptors that travel together, on a known filesystem"
: >"$work/hold"
wait $holder
same_descriptors "$before"

# --- a SYNC that is overtaken by OPENs on filesystems that the session did not know
further=("$mnt")
for i in 1 2 3; do
	make_btrfs "more$i" 128M
	further+=("$work/more$i")
done
raw overtaken "${further[@]}" || fail "files opened behind a SYNC"
same_descriptors "$before"

# --- clients that are killed with everything in flight
for round in 1 2 3 4 5; do
	rm -f "$work/said"
	"$poke" "fd:$mnt/killed$round:create" "mirror:$work/killed$round" fill:0:2000:zstd:$round \
		>"$work/said" 2>&1 &
	victim=$!
	wait_for 20 grep -q durable "$work/said" || fail "no acknowledgement in 20 s"
	kill -KILL $victim
	wait $victim 2>/dev/null
	grep '^write [0-9+]* durable encoded$' "$work/said" >"$work/whole" # the last line may be cut off
	check_acknowledged "$mnt/killed$round" "$work/killed$round" "$work/whole"
	[ "$acknowledged" -gt 0 ] || fail "nothing was acknowledged before the kill"
	rm "$work/killed$round"
done
nothing_left() {
	"$poke" status | awk '
		($1 == "now_files" || $1 == "now_requests" || $1 == "now_payload_bytes" || $1 == "now_arena_bytes") && $2 != 0 { bad = 1 }
		$1 == "now_sessions" && $2 != 1 { bad = 1 }
		END { exit bad }'
}
wait_for 20 nothing_left || fail "dead clients left something: $("$poke" status | grep '^now_')"
same_descriptors "$before"

# --- a session's and a user's limits: a clear refusal, of the one request
stop_extentd || exit 1
printf '[Limits]\nUserSessions=5\nFiles=3\nUserFiles=4\n' >"$work/extentd.conf"
start_extentd
fails_with "EDQUOT" "$poke" sessions:5
"$poke" sessions:4 >/dev/null || fail "five sessions are allowed"
say "limits hold"
