#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon's life: started by a socket unit's way, reloaded, drained, killed, started again.
. "$(dirname "$0")/lib.sh"
requires root btrfs extentd command systemd-socket-activate command python3
make_btrfs mnt 1G
w=write:0:131072:zstd:1

# --- what start-up says
fails_with "extentd.conf:2: there is no key" bash -c "printf '[Daemon]\nSokcet=/x\n' >'$work/extentd.conf'; '$extentd' --config '$work/extentd.conf'"
fails_with "cannot be read" "$extentd" --config /nonexistent
fails_with "is not one of" "$extentd" --backend fast --config /dev/null
fails_with "extentd" "$extentd" --socket /nonexistent/directory/sock --config /dev/null
rm "$work/extentd.conf"
grep -q -- --session-fd <<<"$("$extentd" --help)" || fail "--help"
grep -q '^extentd [0-9]' <<<"$("$extentd" --version)" || fail "--version"

# --- a reload, good and bad
start_extentd
"$poke" "fd:$mnt/a:create" $w sync sleep:1500 write:131072:131072:zlib:2 sync >"$work/said" &
client=$!
sleep 0.5
printf '[Access]\nUsers=nobody-of-this-name\n' >"$work/extentd.conf"
kill -HUP "$daemon_pid"
wait_for 10 grep -q 'there is no user' "$daemon_log" || fail "a bad file at a reload is not reported"
"$poke" status >/dev/null || fail "after a bad reload the daemon serves no more"
printf '[Limits]\nFiles=7\n' >"$work/extentd.conf"
kill -HUP "$daemon_pid"
wait_for 10 grep -q 'read again' "$daemon_log" || fail "a reload is not reported"
wait $client || fail "a session did not survive the reloads: $(cat "$work/said")"
files=()
for i in 1 2 3 4 5 6 7 8; do files+=("fd:$mnt/f$i:create"); done
fails_with "" "$poke" "${files[@]}"
"$poke" "${files[@]:0:7}" >/dev/null || fail "seven files are allowed"

# --- a second daemon does not take the first one's socket; a dead one's is taken over
fails_with "in use" "$extentd" --socket "$socket" --config /dev/null
"$poke" status >/dev/null || fail "a second daemon took the socket away"
# Not even when it is so busy that nobody can connect: as many as LIMIT_BACKLOG, and one.
kill -STOP "$daemon_pid"
python3 - "$socket" "$extentd" --socket "$socket" --config /dev/null >"$work/said" <<'END'
import socket, subprocess, sys
held = []
while len(held) < 1000:
    s = socket.socket(socket.AF_UNIX)
    s.setblocking(False)
    try:
        s.connect(sys.argv[1])
    except BlockingIOError:
        break
    held.append(s)
print(len(held), subprocess.run(sys.argv[2:], capture_output=True, text=True, timeout=20).stderr)
END
kill -CONT "$daemon_pid"
grep -q '^17 .*in use' "$work/said" || fail "a daemon that is busy: $(cat "$work/said")"
"$poke" status >/dev/null || fail "a second daemon took the busy one's socket away"
crash_extentd
[ -S "$socket" ] || fail "the socket is gone after SIGKILL"
fails_with connect "$poke" status
rm "$work/extentd.conf"
"$extentd" --socket "$socket" --config /dev/null >>"$daemon_log" 2>&1 &
daemon_pid=$!
wait_for 10 "$poke" status || fail "a dead daemon's socket is not taken over"

# --- SIGTERM: what is in flight is finished and acknowledged
rm "$work/said" # the next one must not be taken for the last one's
"$poke" "fd:$mnt/drain:create" "mirror:$work/drain" fill:0:2000:zstd:1 >"$work/said" 2>&1 &
client=$!
wait_for 20 grep -qs durable "$work/said" || fail "no acknowledgement in 20 s"
stop_extentd || exit 1
wait $client # with an error, or it was faster
[ ! -e "$socket" ] || fail "the socket is still there after SIGTERM"
drop_caches "$mnt"
check_acknowledged "$mnt/drain" "$work/drain" "$work/said"
[ "$acknowledged" -gt 0 ] || fail "nothing was acknowledged before SIGTERM"
say "SIGTERM: $acknowledged acknowledged extents are there"

# --- SIGTERM while a filesystem is frozen: bounded, and the clients do not wait with the process
make_btrfs frozen 256M
printf '[Limits]\nStopSeconds=2\n' >"$work/extentd.conf"
start_extentd
"$poke" "fd:$frozen/before:create" $w >/dev/null || fail "before it is frozen"
fsfreeze --freeze "$frozen"
cleanup_fn eval "fsfreeze --unfreeze '$frozen' 2>/dev/null || true"
timeout 60 "$poke" "fd:$frozen/before" $w sync >"$work/said" 2>&1 &
client=$!
sleep 0.5
kill -TERM "$daemon_pid"
wait_for 10 grep -q 'without a verdict on 1 requests' "$daemon_log" || fail "a frozen disk is waited for without end"
wait_for 10 process_ended_or_zombie $client || fail "the client waits with the frozen disk"
wait $client && fail "a write to a frozen disk was acknowledged: $(cat "$work/said")"
[ ! -e "$socket" ] || fail "the socket of one that has given up is still there"
fsfreeze --unfreeze "$frozen"
wait "$daemon_pid"
[ $? -eq 1 ] || fail "the exit status does not say that something was given up"
daemon_pid=
rm "$work/extentd.conf"

# --- SIGKILL under load, again and again: what was acknowledged is there, and the next one serves
for round in 1 2 3; do
	start_extentd
	rm "$work/said"
	"$poke" "fd:$mnt/kill$round:create" "mirror:$work/kill" fill:0:2000:zstd:$round >"$work/said" 2>&1 &
	client=$!
	wait_for 20 grep -qs durable "$work/said" || fail "no acknowledgement in 20 s"
	sleep 0.$round
	crash_extentd
	wait $client && say "the client was faster than the kill"
	grep -qE 'ECONNRESET|EPIPE|connection' "$work/said" || say "round $round: the client saw no end of the connection"
	drop_caches "$mnt"
	check_acknowledged "$mnt/kill$round" "$work/kill" "$work/said"
	[ "$acknowledged" -gt 0 ] || fail "nothing was acknowledged before SIGKILL"
	say "SIGKILL: $acknowledged acknowledged extents are there"
	rm "$mnt/kill$round" "$work/kill"
done

# --- by the socket unit's way: the first connection starts it, and the socket outlives it
socket=$work/activated.sock
export EXTENTD_SOCKET=$socket
activate() {
	systemd-socket-activate --listen="$socket" "$extentd" --config /dev/null >>"$daemon_log" 2>&1 &
	daemon_pid=$!
	wait_for 10 test -S "$socket" || fail "systemd-socket-activate does not listen"
}
activate
"$poke" "fd:$mnt/activated:create" $w sync >/dev/null || fail "activated by a connection"
grep -q 'the socket of the unit' "$daemon_log" || fail "the passed socket was not used"
stop_extentd || exit 1
[ -S "$socket" ] || fail "the unit's socket was removed"
rm "$socket"
activate
grep -q '^sessions ' <<<"$("$poke" status)" || fail "activated again"

# --- readiness and status for the service manager
stop_extentd || exit 1
socket=$work/extentd.sock
python3 - "$work/notify" >"$work/notified" <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(20)
while True:
    text = s.recv(4096).decode()
    print(text, flush=True)
    if "STOPPING=1" in text:
        break
END
listener=$!
wait_for 10 test -S "$work/notify" || fail "no notification socket"
NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=2000000 start_extentd
wait_for 10 grep -q '^READY=1' "$work/notified" || fail "READY=1 was not sent"
wait_for 10 grep -q '^STATUS=' "$work/notified" || fail "no status text"
sleep 2.5
[ "$(grep -c '^WATCHDOG=1' "$work/notified")" -ge 3 ] || fail "the watchdog is not fed: $(cat "$work/notified")"
stop_extentd || exit 1
wait $listener || fail "STOPPING=1 was not sent"
