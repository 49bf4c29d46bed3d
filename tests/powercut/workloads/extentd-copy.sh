# SPDX-License-Identifier: GPL-2.0-or-later
about='extentctl copy: each extent that its log names, and the whole tree after exit 0'
needs=(scribe ../../daemon/extentd ../../client/ctl/extentctl ../stream/tree-generate)
faults=("slow percent=5" "slow kind=log percent=2" "slow kind=tree percent=2")
drive()
{
	local log=$rig/log files=60 witness
	cuts=$(((cuts + 1) / 2)) # looking at whole trees takes its time
	inspect="'$here/trees.sh' look '$rig/trees'"
	rig_daemon "$bin" || return 1
	rig_second 512M compress=zstd || return 1
	mkdir "$second/tree" "$second/tree/random" "$rig/trees" && mkfifo "$log" || return 1
	"$bin/scribe" make "$second/tree" "$marks" $files "$seed" || return 1
	"$bin/../stream/tree-generate" "$seed" 60 "$second/tree/random" || return 1
	sync -f "$second"
	"$here/trees.sh" facts "$second/tree" >"$rig/trees/tree.facts" || return 1
	"$bin/scribe" follow "$second/tree" "$marks" $files "$seed" <"$log" &
	witness=$!
	"$bin/../../client/ctl/extentctl" copy --quiet --socket "$socket" --ack-log "$log" -T \
		"$second/tree" "$mnt/tree" || { kill $witness; return 1; } # it may wait for somebody to write
	echo "D tree" >"$marks"
	wait $witness
}
