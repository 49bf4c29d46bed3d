#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Names that change while the daemon resolves them, peers in user namespaces of their own, and
# descriptors that only root can have.
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd command setpriv command unshare
alice=4242 bob=4243
mnt= # set by make_btrfs
make_btrfs mnt 512M
chmod 755 "$mnt"
install -d -m 755 "$mnt/root"
install -d -o $alice -g $alice -m 755 "$mnt/root/alice"
install -d -m 777 "$mnt/outside" "$mnt/hostile"
install -d -m 700 "$mnt/root/closed"
printf '[Access]\nUsers=root %s\nRoot=%s\n' $alice "$mnt/root" >"$work/extentd.conf"
start_extentd
before=$(descriptors)

as_user $alice "$build/tests/hostile/races" "$mnt/root/alice" "$mnt/outside" "${RACES:-3000}" >"$work/said" ||
	fail "races: $(cat "$work/said")"
say "$(cat "$work/said")"
[ -z "$(ls -A "$mnt/outside")" ] || fail "made outside of the root: $(find "$mnt/outside" | head -3)"
same_descriptors "$before"

# root of a user namespace is still the user it was; who may not connect, may not there either.
if as_user $alice unshare -Ur true 2>/dev/null; then
	w=write:0:131072:zstd:1
	as_user $alice unshare -Ur "$poke" "path:$mnt/root/alice/mine:create" $w sync >/dev/null ||
		fail "a peer in a user namespace is refused"
	[ "$(stat -c %u "$mnt/root/alice/mine")" = $alice ] || fail "the owner is $(stat -c %u "$mnt/root/alice/mine")"
	fails_with EACCES as_user $alice unshare -Ur "$poke" "path:$mnt/root/closed/x:create" $w
	fails_with "may not use the daemon" as_user $bob unshare -Ur "$poke" status
	fails_with "may not use the daemon" as_user $bob unshare -U "$poke" status
	as_user $alice unshare -U "$poke" status >/dev/null || fail "an unmapped peer is its user no more"
else
	say "no user namespaces here"
fi

# The attack as root: only root can make files append-only and immutable.
"$build/tests/hostile/attack" descriptors "$mnt/hostile" 1 >"$work/said" || fail "descriptors: $(cat "$work/said")"
same_descriptors "$before"
