# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: eight clients at once, each with its own errand'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "slow kind=log percent=2")
drive()
{
	rig_daemon "$bin" || return 1
	errand many 64 0
	errand one 80 1
	errand overlap 60 2
	errand inline 60 3
	errand mixed 50 4
	errand truncate 60 5
	errand levels 80 6
	errand names 40 7
	errands_done
}
