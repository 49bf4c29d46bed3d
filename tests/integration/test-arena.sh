#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A client that changes its arena during and after validation changes nothing that is written: what
# the daemon takes is what it checked.
. "$(dirname "$0")/lib.sh"
requires root btrfs extentd
make_btrfs mnt 512M
start_extentd

"$build/tests/integration/extent-flicker" "$mnt/file" "$work/mirror" 1500 >"$work/said" 2>&1
status=$?
say "$(tail -n 1 "$work/said")"
[ $status -eq 0 ] || [ $status -eq 4 ] || fail "the client failed"
sync -f "$mnt/file"
drop_caches
cmp "$mnt/file" "$work/mirror" || fail "something else was written than was checked"
[ $status -eq 0 ] || skip "the changes never met the check: too few processors"
