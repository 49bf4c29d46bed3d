#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The example programs against a real daemon: what they store is what they read, encoded.
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentd

make_btrfs mnt 256M
start_extentd
examples=$build/client/examples

seq 1 400000 >"$work/text"                         # compresses
head -c 300000 /dev/urandom >"$work/noise"         # does not
printf x >"$work/short"
: >"$work/empty"
sources=("$work/text" "$work/noise" "$work/short" "$work/empty")
before=$(descriptors)

check() { # DIRECTORY
	local s

	for s in "${sources[@]}"; do
		cmp "$s" "$1/$(basename "$s")" || fail "$1 differs"
	done
	all_encoded "$1/text" || fail "$(filefrag -v "$1/text")"
}

mkdir "$mnt/put" "$mnt/pipeline"
for s in "${sources[@]}"; do
	"$examples/extent-put" "$s" "$mnt/put/$(basename "$s")" || fail "extent-put"
done

"$examples/extent-pipeline" "${sources[@]}" "$mnt/pipeline" || fail "extent-pipeline"
drop_caches "$mnt"
check "$mnt/put"
check "$mnt/pipeline"

# The map of what was put there, by one who may only read it.
chmod 711 "$mnt" "$mnt/put"
printf '[Access]\nUsers=root 4242\n' >"$work/extentd.conf"
kill -HUP "$daemon_pid"
wait_for 20 grep -q 'read again' "$daemon_log" || fail "SIGHUP"
as_user 4242 "$examples/extent-map" "$mnt/put/text" >"$work/map" ||
	fail "extent-map: $(cat "$work/map")"
[ "$(grep -c ' encoded ' "$work/map")" -eq 21 ] || fail "extent-map: $(cat "$work/map")"

# More files than handles, credits and buffers: back-pressure everywhere.
mkdir "$work/many" "$mnt/many"
(cd "$work/many" && split -a 4 -n 1100 "$work/text")
EXTENTD_POOL_BYTES=262144 "$examples/extent-pipeline" "$work"/many/* "$mnt/many" || fail "many"
diff -r "$work/many" "$mnt/many" || fail "many files differ"

fails_with "No such file or directory" env EXTENTD_SOCKET=/nonexistent "$examples/extent-put" \
	"$work/text" "$mnt/none"
same_descriptors "$before"
