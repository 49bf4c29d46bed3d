#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files on a FUSE filesystem that never answers: at OPEN, when they are closed, and, where the
# administrator takes such files, under writes. Whose threads hang is the one who sent them; the others are served, and the
# daemon can be stopped.
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd fuse command setpriv
alice=4242
mnt= # set by make_btrfs
make_btrfs mnt 512M
chmod 711 "$mnt"
install -d -o $alice -m 755 "$mnt/alice"

tarpit() { # HOW: at $pit
	pit=$(mktemp -d "$work/pit-XXXXXX") || fail "no directory"
	"$build/tests/hostile/tarpit" "$1" "$pit" &
	tarpit_pid=$!
	cleanup_fn end_tarpit $tarpit_pid "$pit"
	wait_for 20 test -e "$pit/file" || fail "no tarpit"
}
end_tarpit() {
	kill -KILL "$1" 2>/dev/null
	umount -l "$2" 2>/dev/null || true
}
# More than a user may have under way, each on a session of its own.
sink() { # POKE ARGUMENT...
	local i

	for ((i = 0; i < 48; i++)); do
		as_user $alice "$poke" "$@" >/dev/null 2>&1 &
		sunk+=($!)
	done
}
# The honest client's fixed piece of work. It takes as long as it takes.
honest() {
	timeout 120 "$poke" "fd:$mnt/honest:create" fill:0:64:zstd:1 sync write:0:131072:lzo:5 sync >"$work/said" 2>&1 ||
		fail "$1: an honest client is not served: $(tail -3 "$work/said")"
}

printf '[Access]\nUsers=root %s\n' $alice >"$work/extentd.conf"
start_extentd
honest "before"
before=$(descriptors)

sunk=()
tarpit statfs
sink "fd:$pit/file" write:0:4096:none:1
wait_for 60 eval "[ \$(descriptors) -gt $((before + 8)) ]" || fail "the hanging files did not arrive"
honest "while OPENs hang"
as_user $alice timeout 120 "$poke" status >/dev/null || fail "the attacker itself cannot connect any more"
end_tarpit $tarpit_pid "$pit"
for pid in "${sunk[@]}"; do wait "$pid"; done
wait_for 60 eval "[ \$(descriptors) -le $before ]" || same_descriptors "$before"
honest "after the OPENs"

# Every close of a descriptor asks the server, whoever closes: that of a refused one, too.
sunk=()
tarpit flush
sink "fd:$pit/file" write:0:4096:none:1
wait_for 60 eval "[ \$(descriptors) -gt $((before + 8)) ]" || fail "the hanging files did not arrive"
honest "while closes hang"
as_user $alice timeout 120 "$poke" status >/dev/null || fail "the attacker itself cannot connect any more"
end_tarpit $tarpit_pid "$pit"
for pid in "${sunk[@]}"; do wait "$pid"; done
wait_for 60 eval "[ \$(descriptors) -le $before ]" || same_descriptors "$before"
honest "after the closes"

# The kernel answers for a FUSE filesystem whose server is not asked; it is refused by its type.
sunk=()
tarpit write
fails_with "not accepted" as_user $alice "$poke" "fd:$pit/file" write:0:4096:none:1
stop_extentd || exit 1

# Where such files are taken: writes to them hang, and nothing else.
printf '[Access]\nUsers=root %s\nFilesystems=btrfs fuse\n' $alice >"$work/extentd.conf"
start_extentd
honest "before the writes"
before=$(descriptors)
sink "fd:$pit/file" write:0:4096:none:1:durable
wait_for 60 eval "[ \$(descriptors) -gt $((before + 8)) ]" || fail "the hanging writes did not arrive"
honest "while writes hang"
# Asked to stop, it does what it can for the others, and then must not wait for ever.
kill -KILL "${sunk[@]}"
for pid in "${sunk[@]}"; do wait "$pid" 2>/dev/null; done
honest "after the attackers were killed"
end_tarpit $tarpit_pid "$pit"
wait_for 60 eval "[ \$(descriptors) -le $before ]" || same_descriptors "$before"
honest "after the writes"

# A server that does not even say any more how large the file is.
tarpit getattr
as_user $alice "$poke" "fd:$pit/file" write:0:4096:none:1:durable >/dev/null 2>&1 &
pid=$!
wait_for 60 eval "[ \$(descriptors) -ge $((before + 2)) ]" || fail "the file did not arrive"
sleep 1 # and now its write
honest "while nobody says what the file is"
end_tarpit $tarpit_pid "$pit"
wait $pid
wait_for 60 eval "[ \$(descriptors) -le $before ]" || same_descriptors "$before"

# SIGTERM while files are being opened that never will be.
stop_extentd || exit 1
printf '[Access]\nUsers=root %s\n' $alice >"$work/extentd.conf"
start_extentd
before=$(descriptors)
sunk=()
tarpit statfs
sink "fd:$pit/file" write:0:4096:none:1
wait_for 60 eval "[ \$(descriptors) -gt $((before + 8)) ]" || fail "the hanging files did not arrive"
kill -TERM "$daemon_pid"
wait_for 90 process_ended_or_zombie "$daemon_pid" || fail "the daemon waits for files that never open"
end_tarpit $tarpit_pid "$pit" # the kernel does not let go of a thread that waits for FUSE before
wait "$daemon_pid" || fail "the daemon ended with status $?"
daemon_pid=
for pid in "${sunk[@]}"; do wait "$pid"; done
say "others are served while OPENs and writes hang, and the daemon can be stopped"
