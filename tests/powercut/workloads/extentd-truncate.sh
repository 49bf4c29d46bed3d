# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: truncated by its owner meanwhile'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "slow kind=log percent=2")
drive()
{
	rig_daemon "$bin" || return 1
	errand truncate 200
	errands_done
}
