# SPDX-License-Identifier: GPL-2.0-or-later
about='extentctl copy and receive while the filesystem aborts: exit 0 only for what is there'
needs=(../../daemon/extentd ../../client/ctl/extentctl ../stream/tree-generate)
faults=("slow percent=5" "fail kind=super skip=16")
drive()
{
	cuts=$(((cuts + 1) / 2)) # looking at whole trees takes its time
	rig_daemon "$bin" && restore_from "$bin/../stream/tree-generate" 6 80 && restore_under_errors 6
}
