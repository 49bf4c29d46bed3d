# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: inline extents, some rewritten'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "slow kind=log percent=2")
drive()
{
	rig_daemon "$bin" || return 1
	errand inline 200
	errands_done
}
