# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: 15 data writes fail with EIO, four clients'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "fail percent=3 count=15")
drive()
{
	rig_daemon "$bin" || return 1
	errand one 120 0
	errand overlap 100 1
	errand levels 150 2
	errand many 64 3
	errands_done
}
