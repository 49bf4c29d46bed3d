# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: one file from front to back'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "slow kind=log percent=2")
drive()
{
	rig_daemon "$bin" || return 1
	errand one 250
	errands_done
}
