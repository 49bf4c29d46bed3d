#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# btrbk, with nothing changed but its configuration, backs up to a second btrfs through
# btrfs-receive: fully, incrementally, and again after one that was interrupted.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl extentd command btrbk

make_btrfs src 512M compress=zstd
make_btrfs dst 512M
mkdir "$src/snapshots" "$dst/backups" "$work/bin"
btrfs -q subvolume create "$src/home"
start_extentd

# Its backend calls programs: each is btrfs with the words joined, but the one that is ours.
for program in subvolume-list subvolume-show subvolume-snapshot subvolume-delete send filesystem-usage; do
	printf '#!/bin/sh\nexec btrfs %s "$@"\n' "$(sed 's/-/ /' <<<$program)" >"$work/bin/btrfs-$program"
	chmod +x "$work/bin/btrfs-$program"
done
cat >"$work/bin/btrfs-receive" <<-END
	#!/bin/bash
	echo "\$*" >>"$work/calls"
	limit=$work/broken
	[ ! -e "\$limit" ] || exec -a btrfs-receive "$extentctl" "\$@" < <(head -c "\$(cat "\$limit")")
	exec -a btrfs-receive "$extentctl" "\$@"
END
chmod +x "$work/bin/btrfs-receive"
printf '#!/bin/sh\nexec btrfs send --proto 2 --compressed-data "$@"\n' >"$work/bin/btrfs-send"
cat >"$work/btrbk.conf" <<-END
	backend btrfs-progs-btrbk
	timestamp_format long-iso
	snapshot_dir snapshots
	snapshot_preserve_min all
	target_preserve_min all
	lockfile $work/btrbk.lock
	transaction_log $work/btrbk.log
	volume $src
	  subvolume home
	    target $dst/backups
END
backup() { PATH=$work/bin:$PATH btrbk -c "$work/btrbk.conf" -q run >"$work/said" 2>&1; }
newest() { find "$1" -maxdepth 1 -name 'home.*' | sort | tail -n 1; }
check() { # the newest backup is the newest snapshot, whole
	local from to

	from=$(newest "$src/snapshots") to=$(newest "$dst/backups")
	[ "$(basename "$from")" = "$(basename "$to")" ] || fail "$1: $to is not $from"
	diff -r "$from" "$to" || fail "$1: contents"
	[ "$(btrfs property get "$to" ro)" = ro=true ] || fail "$1: not read-only"
	btrfs subvolume show "$to" | grep -q "Received UUID:.*$(btrfs subvolume show "$from" |
		sed -n 's/^\tUUID: *\t*\([0-9a-f-]*\)$/\1/p')" || fail "$1: not received from it"
	[ "$(find "$dst/backups" -maxdepth 1 -mindepth 1 | wc -l)" = "$2" ] || fail "$1: $(ls -A "$dst/backups")"
}
change() {
	yes "written for backup $1" | head -c 900000 >"$src/home/new$1"
	head -c 300000 /dev/urandom >"$src/home/random$1"
	mv "$src/home/old" "$src/home/moved$1" 2>/dev/null
	echo "$1" >"$src/home/old"
}

say "full"
change 1
backup || fail "$(cat "$work/said")"
check full 1
grep -q . "$work/calls" || fail "btrbk did not call btrfs-receive"

say "incremental"
change 2
sleep 1 # btrbk's names have seconds
backup || fail "$(cat "$work/said")"
check incremental 2
grep -q "send-receive.*success.*$(basename "$(newest "$src/snapshots")").*$src/snapshots/" "$work/btrbk.log" ||
	btrfs subvolume show "$(newest "$dst/backups")" | grep -qE 'Parent UUID:[[:space:]]+[0-9a-f]' ||
	fail "not incremental: $(cat "$work/btrbk.log")"

say "interrupted, and again"
change 3
sleep 1
echo 200000 >"$work/broken"
backup && fail "success although the stream broke off"
[ ! -e "$dst/backups/$(basename "$(newest "$src/snapshots")")" ] || fail "an incomplete backup has a name"
rm "$work/broken"
backup || fail "after an interruption: $(cat "$work/said")"
check again "$(find "$src/snapshots" -mindepth 1 -maxdepth 1 | wc -l)" # and nothing hidden is left
