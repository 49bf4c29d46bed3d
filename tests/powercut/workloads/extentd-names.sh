# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: new directories; renames before and after the writes'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "slow kind=log percent=2")
drive()
{
	rig_daemon "$bin" || return 1
	errand names 100
	errands_done
}
