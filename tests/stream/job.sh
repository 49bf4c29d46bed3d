#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A batch restore as extentd-restore@.service runs it, with the unit's own command line, and with a
# listener in systemd's place: status text, a stop, and the restart that goes on from there.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl extentd command python3

make_btrfs src 512M compress=zstd
make_btrfs dst 512M
for i in $(seq 30); do
	yes "line of file $i" | head -c 600000 >"$src/file$i"
	head -c 50000 /dev/urandom >"$src/random$i"
done
btrfs -q subvolume snapshot -r "$src" "$src/s"
btrfs -q send --proto 2 --compressed-data -f "$work/home.stream" "$src/s"
mkdir "$dst/target"

# What systemd would execute: $OPTIONS split into words, ${...} not.
cat >"$work/home.conf" <<-END
	STREAM=$work/home.stream
	DIRECTORY=$dst/target
	OPTIONS=--private --checkpoint 100K
END
line=$(sed -n 's|^ExecStart=[^ ]*/extentctl |exec "$extentctl" |p' "$build/units/extentd-restore@.service")
[ -n "$line" ] || fail "no ExecStart="
line=$(sed 's/\${\([A-Z]*\)}/"$\1"/g' <<<"$line")
start() { # in the background: $job
	(
		while IFS='=' read -r key value; do
			export "$key=$value"
		done <"$work/home.conf"
		export extentctl NOTIFY_SOCKET=$work/notify
		exec bash -c "$line"
	) >>"$work/said" 2>&1 &
	job=$!
}

python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(65536).decode(), flush=True)
' "$work/notify" >"$work/told" &
listener=$!
cleanup_fn kill $listener
wait_for 20 test -S "$work/notify" || fail "no listener"

# Slowly, so that it can be stopped between two checkpoints.
sed -i 's/^OPTIONS=.*/& --bwlimit 300K/' "$work/home.conf"
start
wait_for 60 grep -qE '^STATUS=.*% .*files' "$work/told" || fail "no status: $(cat "$work/told" "$work/said")"
grep -q '^READY=1' "$work/told" || fail "not ready"
wait_for 60 test -d "$dst/target/.s.partial/checkpoint-1" || fail "no checkpoint: $(cat "$work/said")"
kill -TERM $job
wait $job
[ $? -eq 5 ] || fail "stopped, but said: $(cat "$work/said")"
wait_for 10 grep -q '^STATUS=stopped' "$work/told" || fail "$(tail -n 1 "$work/told")"
[ ! -e "$dst/target/s" ] || fail "it is complete already"

sed -i 's/ --bwlimit 300K//' "$work/home.conf"
start
wait $job || fail "restarted: $(cat "$work/said")"
wait_for 10 grep -q '^STATUS=complete' "$work/told" || fail "$(tail -n 1 "$work/told")"
grep -q "s, which goes on at byte" "$work/said" || fail "begun anew: $(cat "$work/said")"
diff -r "$src/s" "$dst/target/s" || fail "contents"
[ "$(ls -A "$dst/target")" = s ] || fail "left: $(ls -A "$dst/target")"
start # as after a reboot: there is nothing to do
wait $job || fail "complete, and not content: $(tail -n 3 "$work/said")"
