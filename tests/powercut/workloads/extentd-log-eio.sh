# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: writes of the log tree fail with EIO, four clients'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "fail kind=log percent=20 count=8")
drive()
{
	rig_daemon "$bin" || return 1
	errand one 120 0
	errand overlap 100 1
	errand levels 150 2
	errand names 40 3
	errands_done
}
