#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A replication as extentd-replicate@.service runs it: its command line and its capabilities, with listeners in the
# places of systemd and journald. What is told where, and that a failure is one for systemd.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/sshd.sh"
. "$(dirname "$0")/tree.sh"
requires root btrfs extentd extentctl command ssh command /usr/sbin/sshd command python3 command unshare command setpriv command setfattr
unit="$build/units/extentd-replicate@.service"

make_btrfs src 512M noatime,compress=zstd
make_btrfs dst 512M noatime
make_btrfs near 512M noatime
make_keys
start_sshd
btrfs -q subvolume create "$src/tree"
mkdir "$src/snaps" "$work/journal"
make_tree "$src/tree"
printf '#!/bin/sh\nexec %s "$@"\n' "$rsh" >"$work/rsh"
chmod +x "$work/rsh"
conf() { # TARGET...
	printf '[Replicate]\nSource=%s\nSnapshots=%s\nRsh=%s\nRemoteProgram=%s\nRetries=0\nMetrics=%s\n' \
		"$src/tree" "$src/snaps" "$work/rsh" "$there" "$work/metrics" >"$work/home.conf"
	printf 'Target=%s\n' "$@" >>"$work/home.conf"
}

# Datagrams of both kinds, as lines: of the journal those with a message id.
cat >"$work/listen.py" <<'END'
import os, select, socket, struct, sys
work = sys.argv[1]
kinds = {"notify": work + "/notify", "journal": work + "/journal/socket"}
sockets = {}
for kind, path in kinds.items():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    sockets[s] = kind
open(work + "/listening", "w").close()
while True:
    for s in select.select(list(sockets), [], [])[0]:
        data = s.recv(1 << 20)
        with open(work + "/" + sockets[s] + ".log", "ab") as f:
            f.write(data.rstrip(b"\n") + b"\n\n")
END
python3 "$work/listen.py" "$work" &
cleanup_fn kill $!
wait_for 10 [ -e "$work/listening" ] || fail "no listener"

caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit")
caps=$(tr 'A-Z ' 'a-z,' <<<"$caps")
caps=+${caps//cap_/}
line=$(sed -n 's|^ExecStart=[^ ]*/extentctl |exec "$extentctl" |p' "$unit")
line=${line//\/etc\/extentd\/replicate\/%i.conf/\"$work/home.conf\"}
[[ $line == *replicate*home.conf* ]] || fail "ExecStart: $line"
cat >"$work/start" <<END
set -e
mkdir -p /run/systemd/journal
mount --bind "$work/journal" /run/systemd/journal
export NOTIFY_SOCKET="$work/notify" extentctl="$extentctl"
export JOURNAL_STREAM=\$(stat -Lc %d:%i /dev/stderr)
exec setpriv --bounding-set=-all,${caps//,/,+} --no-new-privs bash -c '$line'
END
run() { # what systemd would do; its status
	: >"$work/notify.log"
	: >"$work/journal.log"
	unshare --mount --propagation private bash "$work/start" 2>"$work/said"
}
entry() { # MESSAGE: the entry with its id, if there is one; and the catalog explains it
	local id

	id=$(sed -n "s/.*X($1, \"\([0-9a-f]*\)\".*/\1/p" "$tests_dir/../../client/replicate/messages.h")
	[ ${#id} = 32 ] || fail "$1 has no id"
	grep -q "^-- $id" "$tests_dir/../../units/extentd.catalog" || fail "the catalog does not explain $1"
	awk -v RS= -v id="MESSAGE_ID=$id" 'index($0, id)' "$work/journal.log"
}
has() { # MESSAGE FIELD=VALUE...
	local text

	text=$(entry "$1")
	[ -n "$text" ] || fail "no entry $1: $(cat "$work/journal.log" "$work/said")"
	shift
	for field; do
		[[ $text == *"$field"* ]] || fail "no $field in $text"
	done
}

conf "127.0.0.1:$dst" "$near"
run || fail "status $?: $(cat "$work/said" "$work/journal.log")"
name=$(ls "$src/snaps")
same_tree "$src/snaps/$name" "$dst/$name"
same_tree "$src/snaps/$name" "$near/$name"
has FULL PRIORITY=5 "EXTENTD_SNAPSHOT=$name"
has REPLICATED "EXTENTD_TARGET=127.0.0.1:$dst" "EXTENTD_SNAPSHOT=$name" EXTENTD_BYTES= PRIORITY=6
[ -z "$(entry NOT_REPLICATED)" ] || fail "also not replicated: $(cat "$work/journal.log")"
grep -q '^STATUS=2 of 2 targets have ' "$work/notify.log" || fail "status text: $(cat "$work/notify.log")"

# One of two fails: so does the unit; the other has it, and the journal says which and why.
conf "127.0.0.1:$dst/nothing" "$near"
echo changed >"$src/tree/changed"
run
[ $? -eq 1 ] || fail "a failure is none for systemd"
has NOT_REPLICATED PRIORITY=3 "EXTENTD_TARGET=127.0.0.1:$dst/nothing" "EXTENTD_REASON=" "No such file"
has REPLICATED "EXTENTD_TARGET=$near"
grep -q '^STATUS=1 of 2 targets have ' "$work/notify.log" || fail "status text: $(cat "$work/notify.log")"
python3 "$(dirname "$0")/openmetrics.py" "$work/metrics" success lag_seconds || fail "metrics: $(cat "$work/metrics")"
