# SPDX-License-Identifier: GPL-2.0-or-later
about='control: encoded write linked to fsync, and 11 data writes fail'
expect=lose
faults=("fail percent=6 count=11")
drive() { "$bin/writer" --dir="$mnt" --marks="$marks" --order=naive --extents=200 --batch=8 --passes=2; }
