#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may connect, and whose rights decide about files opened by path.
. "$(dirname "$0")/lib.sh"
requires root btrfs extentd command setpriv
make_btrfs mnt 512M
w=write:0:131072:zstd:1
alice=4242 bob=4243 group=4300
chmod 711 "$mnt"
mkdir "$mnt/root" "$mnt/root/alice" "$mnt/root/shared" "$mnt/root/closed" "$mnt/outside"
chown $alice:$alice "$mnt/root/alice"
chown 0:$group "$mnt/root/shared" && chmod 2770 "$mnt/root/shared"
chmod 700 "$mnt/root/closed"
chmod 777 "$mnt/outside"
ln -s ../outside "$mnt/root/link"
ln -s /etc/passwd "$mnt/root/passwd"
cat >"$work/extentd.conf" <<END
[Access]
Users=root $alice
Groups=$group
Root=$mnt/root
END
start_extentd
before=$(descriptors)

# Who may connect.
as_user $alice "$poke" status >/dev/null || fail "a user who is named is refused"
fails_with "may not use the daemon" as_user $bob "$poke" status
setpriv --reuid $bob --regid $bob --groups $group --bounding-set=-all "$poke" status >/dev/null ||
	fail "a member of a group that is named is refused"
fails_with "may not use the daemon" as_user 65534 "$poke" status # the overflow uid: could be anybody
sed -i "s/^Users=.*/Users=root $alice 65534/" "$work/extentd.conf"
kill -HUP "$daemon_pid"
wait_for 10 grep -q 'read again' "$daemon_log" || fail "SIGHUP"
fails_with "may not use the daemon" as_user 65534 "$poke" status

# By path: created as the peer, with its permissions and groups.
as_user $alice "$poke" "path:$mnt/root/alice/new:create" $w sync >/dev/null || fail "a path in one's own directory"
[ "$(stat -c %u:%g:%a "$mnt/root/alice/new")" = $alice:$alice:644 ] ||
	fail "the new file is $(stat -c %u:%g:%a "$mnt/root/alice/new")"
fails_with EACCES as_user $alice "$poke" "path:$mnt/root/closed/new:create" $w
fails_with EACCES as_user $alice "$poke" "path:$mnt/root/shared/new:create" $w
setpriv --reuid $alice --regid $alice --groups $group --bounding-set=-all \
	"$poke" "path:$mnt/root/shared/new:create" $w >/dev/null || fail "a group's directory"
[ "$(stat -c %u:%g "$mnt/root/shared/new")" = $alice:$group ] || fail "wrong owner in a setgid directory"
: >"$mnt/root/alice/roots" && chmod 600 "$mnt/root/alice/roots"
fails_with EACCES as_user $alice "$poke" "path:$mnt/root/alice/roots" $w
# root without CAP_DAC_OVERRIDE is bound by permissions as well.
"$poke" "path:$mnt/root/closed/roots:create" $w >/dev/null || fail "root in its own directory"

# Ways out of the root.
fails_with NO_ROOT as_user $alice "$poke" "path:$mnt/outside/x:create" $w
fails_with NO_ROOT as_user $alice "$poke" "path:$mnt/rootless:create" $w
fails_with NO_ROOT as_user $alice "$poke" "path:relative:create" $w
for path in "root/../outside/x" "root/alice/../../outside/x" "root/link/x" "root/passwd"; do
	fails_with PATH_UNSAFE as_user $alice "$poke" "path:$mnt/$path:create" $w
done
[ -z "$(ls -A "$mnt/outside")" ] || fail "something was made outside of the root"
mkdir "$mnt/root/mounted" && mount -t tmpfs none "$mnt/root/mounted" && cleanup_fn umount "$mnt/root/mounted"
chmod 777 "$mnt/root/mounted"
fails_with PATH_UNSAFE as_user $alice "$poke" "path:$mnt/root/mounted/x:create" $w
fails_with EISDIR as_user $alice "$poke" "path:$mnt/root/alice" $w

# Flags of open.
fails_with ENOENT as_user $alice "$poke" "path:$mnt/root/alice/none" $w
fails_with EEXIST as_user $alice "$poke" "path:$mnt/root/alice/new:create,excl" $w
as_user $alice "$poke" "path:$mnt/root/alice/new:trunc" >/dev/null || fail trunc
[ ! -s "$mnt/root/alice/new" ] || fail "not truncated"

# Others are the daemon's own user's files: nothing of this left the daemon changed.
same_descriptors "$before"
grep -qE '^Uid:\s0\s0\s0\s0$' "/proc/$daemon_pid/status" || fail "the daemon's uid changed"
for task in "/proc/$daemon_pid/task/"*/status; do
	grep -qE '^Uid:\s0\s0\s0\s0$' "$task" || fail "a thread remained somebody else"
done
grep -q '^NoNewPrivs:.1' "/proc/$daemon_pid/status" || fail "NoNewPrivs"
sanitized || [ ! -e /proc/sys/kernel/seccomp ] ||
	grep -q '^Seccomp:.2' "/proc/$daemon_pid/status" || fail "no system call filter"
# CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN
[ "$(awk '/^CapEff/ { print $2 }' "/proc/$daemon_pid/status")" = 00000000002000c0 ] || fail "other capabilities"
[ "$(awk '/^CapBnd/ { print $2 }' "/proc/$daemon_pid/status")" = 00000000002000c0 ] || fail "bounding set"
stop_extentd || exit 1

# Without privilege: a daemon by hand, for oneself; decoded, and nobody else's path.
rm "$work/extentd.conf"
mkdir "$work/own" && chown $alice "$work/own"
export EXTENTD_SOCKET=$work/own/sock
setpriv --reuid $alice --regid $alice --clear-groups --bounding-set=-all "$extentd" --socket "$work/own/sock" --config /dev/null >>"$daemon_log" 2>&1 &
daemon_pid=$!
wait_for 20 test -S "$work/own/sock" || fail "no daemon without privilege"
as_user $alice "$poke" "fd:$mnt/root/alice/new" "mirror:$work/own/mirror" $w sync >"$work/said" || fail "$(cat "$work/said")"
grep -q 'durable decoded' "$work/said" || fail "without privilege: $(cat "$work/said")"
cmp "$mnt/root/alice/new" "$work/own/mirror" || fail "without privilege: other bytes"
fails_with "may not use the daemon" as_user $bob "$poke" status
