#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One client wants all the metadata of a filesystem, and goes on when it is refused. It is refused by
# name while there is still what the filesystem needs: nothing that was taken is lost, others can write
# plainly, and where there is room again everybody is served again.
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd command setpriv
alice=4242
printf '[Access]\nUsers=root %s\n' $alice >"$work/extentd.conf"
start_extentd

# try WAY COUNT: on a filesystem whose metadata can't grow any more, since data once took all the rest.
try() {
	local way=$1 at

	make_btrfs "$way" 768M
	at=${!way}
	head -c 768M /dev/zero >"$at/filler" 2>/dev/null && fail "768 MiB fit into a filesystem of that size"
	sync -f "$at"
	rm "$at/filler"
	install -d -o $alice "$at/alice" "$at/small"
	head -c 8M /dev/urandom | split -b 2000 -a 5 - "$at/small/" # a part of it: the test ends earlier
	sync -f "$at"
	as_user $alice timeout 400 "$build/tests/hostile/exhaust" "$way" "$at/alice" "$2" >"$work/said" 2>&1 ||
		fail "$way: status $?, $(tail -n 3 "$work/said")"
	say "$way: $(tr '\n' ' ' <"$work/said")"
	grep -q "^taken [1-9]" "$work/said" || fail "$way: nothing was taken"
	if ! grep -q "^NO_SPACE " "$work/said" || grep -qvE "^(taken|NO_SPACE) " "$work/said"; then
		fail "$way: not refused by name: $(cat "$work/said" && btrfs filesystem df "$at")"
	fi
	grep -q " $at btrfs rw" /proc/mounts || fail "$way: the filesystem went read-only"
	mkdir "$at/others" || fail "$way: others have no room for a name"
	for ((i = 0; i < 20; i++)); do
		dd if=/dev/urandom of="$at/others/$i" bs=64K count=1 conv=fsync status=none ||
			fail "$way: others have no room left"
	done
	rm -r "$at/alice"
	served() { timeout 60 "$poke" "fd:$at/again:create" write:0:131072:zstd:1 >"$work/said" 2>&1; }
	wait_for 60 served || fail "$way: refused after room was made: $(cat "$work/said")"
}
try extents 400000
try inline 20000
