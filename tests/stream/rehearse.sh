#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# --dry-run of hostile paths: the same errors at the same offsets as when it is done, and nothing is
# written, inside or outside.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl
tools=$build/tests/stream
make_btrfs mnt 512M
# shellcheck disable=SC2154 # make_btrfs sets it
export OUTSIDE=$mnt/outside
mkdir "$mnt/outside" "$mnt/target"
echo victim >"$mnt/outside/victim"
touch -d @1000000000 "$mnt/outside/victim" "$mnt/outside" "$mnt/target"
run() { timeout 20 "$extentctl" receive -q "$@" "$mnt/target" 2>&1; }
# Names, attributes and times of all there is, and the subvolumes.
facts() { (cd "$mnt" && find . -printf '%p %i %m %u %s %T@ %C@\n' && cat outside/victim && btrfs subvolume list .); }

count=0
for name in dotdot dotdot-inside absolute subvolume-dotdot subvolume-path clone-escape \
	clone-through-symlink symlink-create symlink-write symlink-write-through symlink-chmod \
	symlink-truncate symlink-unlink symlink-xattr symlink-rename symlink-hard-link symlink-times; do
	"$tools/hostile" $name >"$work/stream"
	for plan in '' --no-plan; do
		# shellcheck disable=SC2086 # an option or none
		done_=$(run --direct $plan -f "$work/stream") && fail "$name is received"
		before=$(facts)
		# shellcheck disable=SC2086
		said=$(run --dry-run $plan -f "$work/stream") && fail "$name: nothing is found in a dry run"
		[ "$(facts)" = "$before" ] || fail "$name: a dry run has written"
		[ "$said" = "$done_" ] || fail "$name $plan: in a dry run: $said; executed: $done_"
		[ "${said#extentctl: stream offset [0-9]}" != "$said" ] || fail "$name: no offset: $said"
		count=$((count + 1))
	done
done

# What only looks like it: links that are gone, moved or replaced before their names are used again.
"$tools/hostile" links-that-are-gone >"$work/stream"
for plan in '' --no-plan; do
	# shellcheck disable=SC2086
	said=$(run --dry-run $plan -f "$work/stream") || fail "a good stream: $said"
	# shellcheck disable=SC2086
	said=$(run --direct $plan -f "$work/stream") || fail "a good stream is refused: $said"
	btrfs property set -f "$mnt/target/s" ro false && btrfs subvolume delete "$mnt/target/s" >/dev/null
done
say "$count refusals"
