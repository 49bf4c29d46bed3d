#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A storm of clients against the three backends, then every byte is checked. STORM_SECONDS=600 for
# long; STORM_SEED to repeat one.
# shellcheck source=../integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs extentd
storm=$build/tests/hostile/storm
seconds=${STORM_SECONDS:-5}
mnt= # set by make_btrfs
make_btrfs mnt 3G
mkdir "$mnt/root"
printf '[Access]\nRoot=%s\n[Daemon]\nSandbox=%s\n' "$mnt/root" "${STORM_SANDBOX:-yes}" >"$work/extentd.conf"
for backend in ${STORM_BACKENDS:-uring ioctl decode}; do
	[ "$backend" != uring ] || requires uring
	start_extentd --backend "$backend"
	before=$(descriptors)
	rm -rf "$mnt"/root/*
	say "$backend"
	"$storm" --seconds "$seconds" --paths --seed "${STORM_SEED:-1001}" "$mnt/root" ||
		fail "the storm did harm with backend $backend"
	same_descriptors "$before"
	stop_extentd || exit 1
done
