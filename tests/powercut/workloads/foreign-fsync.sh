# SPDX-License-Identifier: GPL-2.0-or-later
#
# Kernel faults, watched and not judged. An fsync of the same file by another process logs extents
# whose data is still on its way, and makes ours return early (see two-fsyncs.sh): nothing that
# extentd could do about it.
about='extentd, while another process fsyncs the same files'
expect=watch
needs=(errands meddler ../../daemon/extentd)
faults=("slow percent=5" "slow kind=super percent=100 min=20 max=30")
drive()
{
	local tool status stop=$rig/stop
	rig_daemon "$bin" || return 1
	errand overlap 150 0
	errand one 100 2
	"$bin/meddler" fsync "$mnt" "$stop" &
	tool=$!
	errands_done
	status=$?
	touch "$stop"
	wait $tool || { echo "nothing was synced"; return 1; }
	return $status
}
