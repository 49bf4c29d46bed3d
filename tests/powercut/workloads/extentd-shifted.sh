# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: balance moves extents of a good disk: nothing is called lost, rewrites neither'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5" "slow kind=tree percent=2")
drive()
{
	local mover status=0 stop=$rig/stop
	rig_daemon "$bin" || return 1
	errand overlap 100 0
	errand mixed 80 1
	errand levels 100 2
	errand inline 40 3
	while [ ! -e "$stop" ]; do
		btrfs balance start --full-balance "$mnt" && echo balanced >>"$rig/moved"
		sleep 0.1
	done &
	mover=$!
	errands_done || status=1
	touch "$stop"
	wait $mover
	moved balanced || status=1
	return $status
}
