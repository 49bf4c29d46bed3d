# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: a deduplication tool shares extents of the files meanwhile, and writes fail'
needs=(errands meddler ../../daemon/extentd)
faults=("slow percent=5" "fail percent=2 count=15")
drive()
{
	local tool status stop=$rig/stop
	rig_daemon "$bin" || return 1
	errand overlap 150 0
	errand mixed 100 1
	errand one 100 2
	"$bin/meddler" dedupe "$mnt" "$stop" &
	tool=$!
	errands_done
	status=$?
	touch "$stop"
	wait $tool || { echo "nothing was shared"; return 1; }
	return $status
}
