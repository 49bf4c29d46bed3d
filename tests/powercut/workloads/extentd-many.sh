# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: many small files, durable at once'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "slow kind=log percent=2")
drive()
{
	rig_daemon "$bin" || return 1
	errand many 128
	errands_done
}
