# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: compressed and plain extents over each other, eight files, 15 writes fail'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "fail percent=3 count=15")
drive()
{
	rig_daemon "$bin" || return 1
	errand mixture 250
	errands_done
}
