# SPDX-License-Identifier: GPL-2.0-or-later
about='extentctl receive, killed and resumed: after a cut, --resume makes the same snapshot'
needs=(../../daemon/extentd ../../client/ctl/extentctl ../stream/tree-generate)
faults=("slow percent=5" "slow kind=log percent=2" "slow kind=tree percent=2")
drive()
{
	local i tries ms receive=("$bin/../../client/ctl/extentctl" receive -q --checkpoint 24K)
	cuts=$(((cuts + 1) / 2)) # looking at whole trees takes its time
	inspect="EXTENTCTL='$bin/../../client/ctl/extentctl' '$here/trees.sh' resume '$rig/trees'"
	rig_daemon "$bin" && restore_from "$bin/../stream/tree-generate" 2 90 || return 1
	for i in 0 1; do
		for ((tries = 0; tries < 30; tries++)); do
			choose 200 400 600 900
			ms=$((chosen_item + tries * tries * 50)) # in the end it has all the time it needs
			timeout -s KILL $((ms / 1000)).$(printf %03d $((ms % 1000))) "${receive[@]}" --resume \
				--socket "$socket" -f "$rig/trees/s$i.stream" "$mnt" && break
			sleep 0.1 # the killed one still holds its lock
		done
		[ $tries -lt 30 ] || { echo "s$i did not come to its end"; return 1; }
		echo "D s$i" >"$marks"
	done
}
concluded() { [ -e "$rig/trees/resumed" ] || { echo "no cut left anything to resume"; return 1; }; }
