# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: compressed and plain extents over each other, eight files'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "slow kind=log percent=2")
drive()
{
	rig_daemon "$bin" || return 1
	errand mixture 250
	errands_done
}
