#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Small extents that extentctl writes itself are proved, and not only believed.
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs
make_btrfs mnt 512M
# shellcheck disable=SC2154 # make_btrfs sets it
mkdir "$mnt/d"
start_extentd

"$build/tests/copy/restore-small" "$socket" "$mnt/d" >"$work/told" ||
	fail "the end did not say that something was lost: $(head -5 "$work/told")"
diff - "$work/told" <<-END || fail "what was lost, and what was told"
	lost 999 0+8192
	lost 999 8192+8192
	lost 1999 8192+8192
	lost 2999 0+8192
END
# It is this that was tested: nothing of it went through the daemon.
"$extentctl" status --json >"$work/status" || fail "status"
grep -q '"writes": *0\|"encoded": *0' "$work/status" || fail "the daemon wrote: $(cat "$work/status")"
