# SPDX-License-Identifier: GPL-2.0-or-later
about='control: encoded write linked to fsync, under a slow tail'
expect=lose
faults=("slow percent=5")
drive() { "$bin/writer" --dir="$mnt" --marks="$marks" --order=naive --extents=200 --batch=16; }
