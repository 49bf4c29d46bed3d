# SPDX-License-Identifier: GPL-2.0-or-later
about='safe order for many files: one syncfs, then the map of each'
faults=("slow percent=5" "slow kind=tree percent=2" "fail errno=ENOSPC percent=3 count=11")
drive()
{
	"$bin/writer" --dir="$mnt" --marks="$marks" --order=syncfs --files=150 --extents=1 --passes=2 \
		--batch=32
}
