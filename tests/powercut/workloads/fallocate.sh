# SPDX-License-Identifier: GPL-2.0-or-later
about='safe order, FALLOCATE as the wait; slow tail and errors; fresh and rewritten'
faults=("slow percent=5" "slow kind=log percent=2" "fail percent=3 count=11")
drive()
{
	choose 1 8 32
	"$bin/writer" --dir="$mnt" --marks="$marks" --order=fallocate --extents=100 --passes=2 \
		--batch="$chosen_item"
}
