# SPDX-License-Identifier: GPL-2.0-or-later
about='extentctl copy and receive, data writes fail with EIO: exit 0 only for what is there'
needs=(../../daemon/extentd ../../client/ctl/extentctl ../stream/tree-generate)
drive()
{
	cuts=$(((cuts + 1) / 2)) # looking at whole trees takes its time
	rig_daemon "$bin" && restore_from "$bin/../stream/tree-generate" 6 80 || return 1
	rig_faults "slow percent=5" "fail percent=1.5 count=8"
	restore_under_errors 6
}
