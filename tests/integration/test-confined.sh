#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon under what extentd.service imposes, without systemd as process 1: the socket is passed,
# an unprivileged user with three ambient capabilities, no new privileges, a network and mount
# namespace of its own where everything is read-only and /proc shows its own processes only.
# Descriptors from outside have to work all the same.
. "$(dirname "$0")/lib.sh"
requires root btrfs extentd command systemd-socket-activate command unshare command setpriv command filefrag
unit=$build/units/extentd.service
uid=4999
caps=sys_admin,setuid,setgid
grep -q '^AmbientCapabilities=CAP_SYS_ADMIN CAP_SETUID CAP_SETGID$' "$unit" || fail "the unit grants other capabilities than this test"
nofile=$(sed -n 's/^LimitNOFILE=//p' "$unit")

make_btrfs mnt 512M
chmod 777 "$mnt"
printf '[Access]\nUsers=root 4242\nRoot=%s\n' "$mnt" >"$work/extentd.conf"
cat >"$work/confine" <<END
set -e
for at in \$(awk '{ print \$5 }' /proc/self/mountinfo); do
	case \$at in /proc* | /sys* | /dev) ;; *) mount -o remount,bind,ro "\$at" 2>/dev/null || true ;; esac
done
mount -t tmpfs -o mode=755,ro none /home
mount -t tmpfs none /var/tmp
mount -t proc -o subset=pid,hidepid=invisible proc /proc
if touch $mnt/readonly 2>/dev/null; then echo 'not confined'; exit 1; fi
plus=+${caps//,/,+}
exec prlimit --nofile=$nofile --core=0 \
	setpriv --reuid $uid --regid $uid --clear-groups --inh-caps=-all,\$plus --ambient-caps=-all,\$plus \
	--bounding-set=-all,\$plus --no-new-privs "$extentd" --config "$work/extentd.conf"
END
EXTENTD_SOCKET=$socket
export EXTENTD_SOCKET
systemd-socket-activate --listen="$socket" \
	unshare --mount --net --ipc --propagation slave bash "$work/confine" >>"$daemon_log" 2>&1 &
daemon_pid=$!
wait_for 10 test -S "$socket" || fail "systemd-socket-activate does not listen"
chmod 666 "$socket"

"$poke" "fd:$mnt/root:create" "mirror:$work/root" fill:0:64:zstd:1 write:0:131072:zlib:9 write:8388608:5000:lzo:3 sync >"$work/said" ||
	fail "as root: $(grep -v '^write' "$work/said")"
grep -q 'Serving on the socket of the unit with backend uring' "$daemon_log" || fail "not the backend uring"
grep -q 'decoded' "$work/said" && fail "something was decompressed"
mkdir -m 777 "$work/user"
as_user 4242 "$poke" "fd:$mnt/user:create" "mirror:$work/user/m" fill:0:64:zlib:1 sync >"$work/said" ||
	fail "as a user: $(grep -v '^write' "$work/said")"
# Rewritten in place, so that the check has to read back through a descriptor of its own.
as_user 4242 "$poke" "fd:$mnt/user" "mirror:$work/user/m" fill:0:64:zstd:100 sync >"$work/said" ||
	fail "rewriting as a user: $(grep -v '^write' "$work/said")"
drop_caches "$mnt"
cmp "$mnt/root" "$work/root" || fail "as root: other bytes"
cmp "$mnt/user" "$work/user/m" || fail "as a user: other bytes"
all_encoded "$mnt/root" || fail "not encoded: $(filefrag -v "$mnt/root")"
[ "$("$poke" status | awk '$1 == "read_backs" { print $2 }')" -gt 0 ] || fail "nothing was read back"

# Beneath Root= the daemon opens files itself, so that needs ReadWritePaths=, as extentd.conf(5) says.
fails_with "Read-only file system" "$poke" "path:$mnt/bypath:create" write:0:131072:zstd:1

# And it is confined: the kernel says so.
status=/proc/$daemon_pid/status
grep -qE "^Uid:\s$uid\s$uid\s$uid\s$uid" $status || fail "another user: $(grep ^Uid $status)"
for set in CapPrm CapEff CapBnd; do
	[ "$(awk -v set=$set: '$1 == set { print $2 }' $status)" = 00000000002000c0 ] || fail "$set"
done
# Given up, so that nothing could inherit them: the daemon runs no programs.
for set in CapInh CapAmb; do
	[ "$(awk -v set=$set: '$1 == set { print $2 }' $status)" = 0000000000000000 ] || fail "$set"
done
exit 0
