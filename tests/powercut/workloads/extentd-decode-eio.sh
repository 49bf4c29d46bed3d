# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd that decodes, through the page cache: all levels, 15 data writes fail'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "fail percent=3 count=15")
drive()
{
	rig_daemon "$bin" --backend decode || return 1
	errand one 60 0
	errand overlap 60 1
	errand levels 100 2
	errand many 64 3
	errands_done
}
