# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: three levels of acknowledgement, SYNCs of a file and of all'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "slow kind=log percent=2")
drive()
{
	rig_daemon "$bin" || return 1
	errand levels 250
	errands_done
}
