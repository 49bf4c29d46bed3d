# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: balance, defragmentation and dedupe move extents while rewrites fail'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "fail percent=2 count=15")
drive()
{
	local mover status stop=$rig/stop
	rig_daemon "$bin" || return 1
	errand overlap 150 0
	errand mixed 100 1
	errand many 64 2
	(
		while [ ! -e "$stop" ]; do
			btrfs balance start --full-balance "$mnt"
			btrfs filesystem defragment -r -f "$mnt" && echo defragmented >>"$rig/moved"
			sleep 0.1
		done
	) >/dev/null 2>&1 &
	mover=$!
	errands_done
	status=$?
	touch "$stop"
	wait $mover
	moved defragmented || return 1 # a balance may meet a failing write each time
	return $status
}
