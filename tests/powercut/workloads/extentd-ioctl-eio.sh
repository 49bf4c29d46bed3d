# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd without io_uring: rewrites, all levels, 15 data writes fail'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "fail percent=3 count=15")
drive()
{
	rig_daemon "$bin" --backend ioctl || return 1
	errand one 120 0
	errand overlap 100 1
	errand levels 150 2
	errand names 40 3
	errands_done
}
