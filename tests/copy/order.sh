#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two writes to the same range of a new file: the later one stays.
. "$(dirname "$0")/../integration/lib.sh"

requires root btrfs
make_btrfs mnt 512M
# shellcheck disable=SC2154 # make_btrfs sets it
mkdir "$mnt/d"
start_extentd

"$build/tests/copy/restore-order" "$socket" "$mnt/d" >"$work/told" ||
	fail "$(wc -l <"$work/told") files: $(head -5 "$work/told")"
