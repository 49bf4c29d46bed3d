# SPDX-License-Identifier: GPL-2.0-or-later
about='what extentctl receive writes itself, small files, data writes fail with EIO'
needs=(../../daemon/extentd ../../client/ctl/extentctl)
drive()
{
	cuts=$(((cuts + 1) / 2)) # looking at whole trees takes its time
	rig_daemon "$bin" && restore_from small_files 8 60 || return 1
	rig_faults "slow percent=5" "fail percent=0.4 count=5"
	restore_under_errors 8
}
