#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# soak.sh [MINUTES]: random clients come, write, are killed and go, and one daemon serves them all.
# Whenever it is idle its memory and descriptors are printed; they must not grow. SOAK_SEED.
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd
storm=$build/tests/hostile/storm
minutes=${1:-0}
seed=${SOAK_SEED:-1001}
# The allocator keeps what a busy moment needed: the first rounds are not compared.
warm=2 allowed=32768 # KiB
mnt= # set by make_btrfs
make_btrfs mnt 3G
mkdir "$mnt/root"
printf '[Access]\nRoot=%s\n' "$mnt/root" >"$work/extentd.conf"
start_extentd
before=$(descriptors)
rss() { awk '/^VmRSS/ {print $2}' "/proc/$daemon_pid/status"; }
memfds() { grep -c memfd: "/proc/$daemon_pid/maps"; }

first=
for ((n = 0; n <= warm || SECONDS < minutes * 60; n++)); do
	"$storm" --seconds "${SOAK_ROUND:-5}" --paths --seed $((seed + n)) "$mnt/root" >"$work/storm" ||
		fail "seed $((seed + n)): $(tail -5 "$work/storm")"
	same_descriptors "$before"
	rm -rf "${mnt:?}"/root/*
	[ "$(memfds)" = 0 ] || fail "arenas are still mapped: $(grep memfd: "/proc/$daemon_pid/maps")"
	now=$(rss)
	say "$SECONDS s, seed $((seed + n)): RSS $now KiB, $(descriptors) descriptors, $(tail -1 "$work/storm" | cut -d';' -f1)"
	[ $n -ge $warm ] || continue
	first=${first:-$now}
	[ "$now" -le $((first + allowed)) ] || fail "memory grew from $first to $now KiB"
done
say "$n rounds: RSS $first KiB at first, $(rss) KiB at last"
