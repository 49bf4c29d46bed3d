#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The parent of an incremental stream: found by received UUID and by its own, and explained when it is
# not what the stream was made against.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl
make_btrfs src 512M
make_btrfs dst 512M
# shellcheck disable=SC2154 # make_btrfs sets them
receive() { timeout 60 "$extentctl" receive --direct "$@"; } # --quiet would keep warnings back
show() { btrfs subvolume show "$1" | sed -n "s/^[[:space:]]*$2:[[:space:]]*//p"; }
drop() { btrfs property set -f "$1" ro false && btrfs subvolume delete "$1" >/dev/null || fail "$1 was not received"; }
change() {
	btrfs property set -f "$1" ro false && touch -d @2000000000 "$1/f" && btrfs property set "$1" ro true || fail "$1"
}

btrfs -q subvolume create "$src/tree"
echo 1 >"$src/tree/f"
btrfs -q subvolume snapshot -r "$src/tree" "$src/s0"
btrfs -q send -f "$work/full" "$src/s0"
echo 2 >"$src/tree/f"
btrfs -q subvolume snapshot -r "$src/tree" "$src/s1"
btrfs -q send -p "$src/s0" -f "$work/increment" "$src/s1"
uuid=$(show "$src/s0" UUID)
against() { "$extentctl" receive --dump -f "$1" | sed -n 's/.*parent_transid=//p'; } # STREAM
wanted=$(against "$work/increment")
mkdir "$dst/backup" "$src/again"

say "no parent"
fails_with "parent: no subvolume here was received from, or is, $uuid; receive that one first" \
	receive -f "$work/increment" "$dst/backup"

say "the parent as it was"
receive -q -f "$work/full" "$dst/backup" || fail "a full stream"
said=$(receive --strict -f "$work/increment" "$dst/backup" 2>&1) || fail "$said"
[ "$said" = "At snapshot s1" ] || fail "said of the right parent: $said"
drop "$dst/backup/s1"

say "by its own UUID, on the sender's filesystem, with an outdated copy beside"
receive -q -f "$work/full" "$src/again" || fail "a full stream on the sender's filesystem"
change "$src/s0"
btrfs -q send -p "$src/s0" -f "$work/of-changed" "$src/s1"
found=$(against "$work/of-changed")
said=$(receive --strict -f "$work/increment" "$src/again" 2>&1) || fail "received, and as it was: $said"
drop "$src/again/s1"
said=$(receive --strict -f "$work/of-changed" "$src/again" 2>&1) || fail "by its own UUID: $said"
drop "$src/again/s1"
drop "$src/again/s0"

# explained PATH ID FOUND WANTED WHY STREAM DIRECTORY: a warning, and strictly an error
explained() {
	local text="parent: subvolume $1 (id $2, $uuid) is as of transaction $3, but the stream was made against transaction $4: $5"

	said=$(receive -f "$6" "$7" 2>&1) || fail "not received: $said"
	[ "${said%%$'\n'*}" = "extentctl: warning: $text; what is received may differ from the source; --strict refuses it" ] ||
		fail "should have said \"$text; ...\": $said"
	drop "$7/s1"
	said=$(receive --strict -f "$6" "$7" 2>&1) && fail "received, strictly"
	[ "${said%%$'\n'*}" = "extentctl: $text; send the whole subvolume, or against a snapshot that is here unchanged" ] ||
		fail "strictly, should have said \"$text; ...\": $said"
	[ ! -e "$7/s1" ] && [ -z "$(find "$7" -maxdepth 1 -name '.*.partial')" ] || fail "something is left: $(ls -A "$7")"
}

say "a parent that was changed"
explained s0 "$(show "$src/s0" "Subvolume ID")" "$found" "$wanted" \
	"it was changed since" "$work/increment" "$src/again"
explained backup/s0 "$(show "$dst/backup/s0" "Subvolume ID")" "$wanted" "$found" \
	"the sender's was changed since this was received" "$work/of-changed" "$dst/backup"

say "a parent outside of what is mounted"
btrfs -q subvolume create "$dst/inner"
mkdir "$work/inner"
mount -o "subvol=inner" "$dst_device" "$work/inner" || fail "mount"
cleanup_fn umount_patiently "$work/inner"
fails_with "lies outside of what is mounted here; give -m a mount of the whole filesystem" \
	receive -f "$work/increment" "$work/inner"
receive -q -m "$dst" -f "$work/increment" "$work/inner" || fail "with -m"
