#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# btrbk drives a target on another machine through our receive: its own configuration and its own ssh,
# fully, incrementally, and after an interruption.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/sshd.sh"
. "$(dirname "$0")/tree.sh"
requires root btrfs extentd extentctl command btrbk command ssh command /usr/sbin/sshd command setfattr

make_btrfs src 512M noatime,compress=zstd
make_btrfs dst 512M noatime
mkdir "$src/snapshots" "$dst/backups" "$work/bin" "$work/here"
btrfs -q subvolume create "$src/home"
make_tree "$src/home"
rm "$src/home/fifo" "$src/home/null" # diff does not compare them

# What its backend calls on either side: btrfs with the words joined, but for the one that is ours.
for program in subvolume-list subvolume-show subvolume-snapshot subvolume-delete send filesystem-usage; do
	printf '#!/bin/sh\nexec btrfs %s "$@"\n' "${program/-/ }" >"$work/bin/btrfs-$program"
	chmod +x "$work/bin/btrfs-$program"
done
cat >"$work/bin/btrfs-receive" <<END
#!/bin/bash
echo "\$SSH_CONNECTION: \$*" >>"$work/calls"
[ ! -e "$work/broken" ] || exec -a btrfs-receive "$extentctl" "\$@" < <(head -c "\$(cat "$work/broken")")
exec -a btrfs-receive "$extentctl" "\$@"
END
chmod +x "$work/bin/btrfs-receive"
make_keys
sshd_path=$work/bin:$PATH
start_sshd

# The ssh that btrbk finds knows this machine's throw-away keys; everything else is btrbk's.
cat >"$ssh_dir/config" <<END
HostKeyAlias $sshd_name
UserKnownHostsFile $ssh_dir/known_hosts
GlobalKnownHostsFile none
LogLevel ERROR
SendEnv EXTENTD
END
printf '#!/bin/sh\nexec /usr/bin/ssh -F %s "$@"\n' "$ssh_dir/config" >"$work/here/ssh"
chmod +x "$work/here/ssh"
cat >"$work/btrbk.conf" <<END
backend btrfs-progs-btrbk
timestamp_format long-iso
snapshot_dir snapshots
snapshot_preserve_min all
target_preserve_min all
ssh_identity $ssh_dir/user
ssh_user root
lockfile $work/btrbk.lock
transaction_log $work/btrbk.log
volume $src
  subvolume home
    target ssh://127.0.0.1:$sshd_port$dst/backups
END
backup() { PATH=$work/here:$work/bin:$PATH btrbk -c "$work/btrbk.conf" -q run >"$work/said" 2>&1; }
newest() { find "$1" -mindepth 1 -maxdepth 1 -name 'home.*' | sort | tail -n 1; }
# This btrbk asks for streams of version 1, which carry neither holes nor compression.
same_files() {
	local list="%P %y %m %U %G %n %T@ %l\n"

	diff -r --no-dereference "$1" "$2" >"$work/diff" || fail "$2 differs: $(head -n 5 "$work/diff")"
	diff <(find "$1" -printf "$list" | sort) <(find "$2" -printf "$list" | sort) >"$work/diff" ||
		fail "$2 differs: $(head -n 5 "$work/diff")"
}
check() { # COUNT: the newest backup is the newest snapshot, whole, and there are so many
	local from to

	from=$(newest "$src/snapshots") to=$(newest "$dst/backups")
	[ "$(basename "$from")" = "$(basename "$to")" ] || fail "$to is not $from: $(cat "$work/said")"
	same_files "$from" "$to"
	[ "$(find "$dst/backups" -mindepth 1 -maxdepth 1 | wc -l)" = "$1" ] || fail "backups: $(ls -A "$dst/backups")"
}

backup || fail "$(cat "$work/said")"
check 1
grep -q '^127.0.0.1 ' "$work/calls" || fail "our receive was not called through ssh: $(cat "$work/calls")"

change_tree "$src/home" 1
sleep 1 # btrbk's names have seconds
backup || fail "$(cat "$work/said")"
check 2
btrfs subvolume show "$(newest "$dst/backups")" | grep -E 'Parent UUID:[[:space:]]+[0-9a-f]' >/dev/null || fail "not incremental"

change_tree "$src/home" 2
sleep 1
echo 20000 >"$work/broken"
backup && fail "btrbk saw nothing of the interruption"
rm "$work/broken"
[ "$(find "$dst/backups" -mindepth 1 -maxdepth 1 -name 'home.*' | wc -l)" = 2 ] || fail "half a backup: $(ls "$dst/backups")"
sleep 1
backup || fail "$(cat "$work/said")"
[ "$(basename "$(newest "$src/snapshots")")" = "$(basename "$(newest "$dst/backups")")" ] || fail "not made up for"
same_files "$(newest "$src/snapshots")" "$(newest "$dst/backups")"
