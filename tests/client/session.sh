#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# session.sh [TARGET [SOURCE...]]: client-session against a real daemon, with descriptors and an
# arena, and without as behind a forwarded socket; with a TARGET of foreign.sh as a client from a
# machine of that kind.
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentd

make_btrfs mnt 256M
printf '[Access]\nRoot=%s\n' "$mnt" >"$work/extentd.conf"

client() { # SUBDIRECTORY [ENVIRONMENT...]
	local at=$mnt/$1 command=("$build/tests/client/client-session") status
	shift
	[ -z "$target" ] || command=("$tests_dir/../wire/foreign.sh" "$target" client-session "${sources[@]}")

	mkdir "$at"
	start_extentd
	env "$@" "${command[@]}" "$at" "$daemon_pid"
	status=$?
	[ $status -ne 77 ] || exit 77
	[ $status -eq 0 ] || fail "client-session $* ended with $status"
	wait "$daemon_pid" 2>/dev/null # which the client killed
	daemon_pid=
	cmp "$at/many" "$work/expected" || fail "the file differs"
}

target=${1:-}
sources=("${@:2}")
for i in $(seq 0 25); do
	head -c 8192 /dev/zero | tr '\0' "\\$(printf '%o' $((97 + i)))"
done >"$work/alphabet"
for i in $(seq 77); do cat "$work/alphabet"; done | head -c $((2000 * 8192)) >"$work/expected"

client shared
client inline EXTENTD_NO_DESCRIPTORS=1
