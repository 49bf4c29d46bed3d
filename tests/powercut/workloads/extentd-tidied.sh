# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: defragmentation and dedupe store new extents of a good disk anew: nothing is called lost'
needs=(errands meddler ../../daemon/extentd)
faults=("slow percent=5" "slow kind=tree percent=2")
drive()
{
	local pid movers=() status=0 stop=$rig/stop
	rig_daemon "$bin" || return 1
	errand one 150 0
	errand many 64 1
	errand names 40 2
	"$bin/meddler" dedupe "$mnt" "$stop" &
	movers+=($!)
	while [ ! -e "$stop" ]; do
		btrfs filesystem defragment -r -f "$mnt" && echo defragmented >>"$rig/moved"
		sleep 0.1
	done >/dev/null 2>&1 &
	movers+=($!)
	errands_done || status=1
	touch "$stop"
	for pid in "${movers[@]}"; do wait "$pid" || { echo "nothing was shared"; status=1; }; done
	moved defragmented || status=1
	return $status
}
