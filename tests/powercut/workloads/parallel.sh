# SPDX-License-Identifier: GPL-2.0-or-later
about='safe order on many files at once, one thread a file'
faults=("slow percent=5" "slow kind=log percent=2" "slow kind=super percent=50 min=5 max=10"
	"fail percent=3 count=11")
drive()
{
	"$bin/writer" --dir="$mnt" --marks="$marks" --order=fiemap --files=40 --extents=4 --batch=4 \
		--jobs=4 --passes=2
}
