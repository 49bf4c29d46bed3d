#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The protocol, and whole commands, through a real ssh: to the daemon of the other side, with the login
# user's rights, and an error that says what is wrong wherever something is.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/sshd.sh"
requires root btrfs extentd extentctl command ssh command /usr/sbin/sshd
put=$build/tests/remote/remote-put
other=4243 # a user who may log in nowhere, and own things

make_btrfs mnt 512M
mkdir "$mnt/root" "$mnt/outside"
printf '[Access]\nUsers=root\nRoot=%s\n' "$mnt/root" >"$work/extentd.conf"
start_extentd
make_keys
start_sshd

# The counters of the daemon there, and extents through a session, inline and durable.
"$extentctl" status --host 127.0.0.1 --rsh "$rsh" --remote-program "$there" --json >"$work/status" ||
	fail "status --host"
grep -q sessions "$work/status" || fail "status --host printed $(cat "$work/status")"
before=$(descriptors)
said=$("$put" 127.0.0.1 "$rsh" "$there" "$mnt/root/a" 40) || fail "a write through ssh"
[ "$said" = "descriptors: no" ] || fail "over ssh: $said"
[ "$(stat -c %s "$mnt/root/a")" = $((40 * 131072)) ] || fail "the file has $(stat -c %s "$mnt/root/a") bytes"
EXTENTD_NO_DESCRIPTORS=1 "$put" '' x x x 1 2>/dev/null && fail "an empty host is taken"
same_descriptors "$before"

# The same without ssh in between: "no" above was the relay's doing.
# shellcheck disable=SC2016
said=$("$put" here "sh -c 'eval \"\$1\"'" "$there" "$mnt/root/b" 1 2>&1)
[ "$said" = "descriptors: no" ] || fail "over a plain relay: $said"

fails_with "outside" "$put" 127.0.0.1 "$rsh" "$there" "$mnt/outside/a" 1
[ ! -e "$mnt/outside/a" ] || fail "a file outside of the roots"

# What ssh cannot do.
fails_with "Connection refused" "$extentctl" status --host 127.0.0.1 --rsh "${rsh/-p $sshd_port/-p 1}" --remote-program "$there"
ssh-keygen -q -t ed25519 -N '' -f "$ssh_dir/stranger"
fails_with "Permission denied" "$extentctl" status --host 127.0.0.1 \
	--rsh "${rsh/$ssh_dir\/user/$ssh_dir\/stranger}" --remote-program "$there"
echo "$sshd_name $(cut -d ' ' -f 1,2 "$ssh_dir/stranger.pub")" >"$ssh_dir/wrong_hosts"
fails_with "Host key verification failed" "$extentctl" status --host 127.0.0.1 \
	--rsh "${rsh/$ssh_dir\/known_hosts/$ssh_dir\/wrong_hosts}" --remote-program "$there"
fails_with "no extentd on 127.0.0.1" "$extentctl" status --host 127.0.0.1 --rsh "$rsh" --remote-program "$work/nothing"
fails_with "is no machine's name" "$extentctl" status --host -oProxyCommand=true --rsh "$rsh"

# A stream received there; quoted, so that no shell reads a name.
make_btrfs source 512M compress=zstd
btrfs -q subvolume create "$source/tree"
cp -r "$tests_dir" "$source/tree/"
btrfs -q subvolume snapshot -r "$source/tree" "$source/s1"
btrfs -q send --proto 2 --compressed-data -f "$work/stream" "$source/s1"
mkdir "$mnt/it's; touch \$HOME"
"$extentctl" receive --host 127.0.0.1 --rsh "$rsh" --remote-program "$there" -f "$work/stream" -q \
	"$mnt/it's; touch \$HOME" || fail "receive --host"
diff -r "$source/s1" "$mnt/it's; touch \$HOME/s1" || fail "what was received there differs"
"$extentctl" receive --host=127.0.0.1 --rsh="$rsh" --remote-program="$there" -q "$mnt/root" <"$work/stream" ||
	fail "receive --host from a pipe"
diff -r "$source/s1" "$mnt/root/s1" || fail "what was received there differs"
fails_with "no connection" "$extentctl" receive --host 127.0.0.1 --rsh "${rsh/-p $sshd_port/-p 1}" -f "$work/stream" "$mnt"
fails_with "No such file" "$extentctl" receive --host 127.0.0.1 --rsh "$rsh" --remote-program "$there" \
	-f "$work/stream" "$mnt/nowhere"
