# SPDX-License-Identifier: GPL-2.0-or-later
about='extentctl copy and receive while the filesystem aborts: exit 0 only for what is there'
needs=(../../daemon/extentd ../../client/ctl/extentctl ../stream/tree-generate)
faults=("slow percent=5" "fail kind=super skip=16")
drive()
{
	local i failures=0 extentctl=$bin/../../client/ctl/extentctl
	cuts=$(((cuts + 1) / 2)) # looking at whole trees takes its time
	inspect="'$here/trees.sh' look '$rig/trees'"
	rig_daemon "$bin" || return 1
	rig_second 512M compress=zstd || return 1
	mkdir "$rig/trees" && btrfs -q subvolume create "$second/tree" &&
		"$bin/../stream/tree-generate" "$seed" 80 "$second/tree" &&
		"$here/trees.sh" facts "$second/tree" >"$rig/trees/facts" || return 1
	echo "# from here on" >"$marks"
	for i in 0 1 2 3 4 5; do
		cp "$rig/trees/facts" "$rig/trees/copy$i.facts" && cp "$rig/trees/facts" "$rig/trees/s$i.facts"
		btrfs -q subvolume snapshot -r "$second/tree" "$second/s$i" &&
			btrfs -q send --proto 2 --compressed-data -f "$rig/stream" "$second/s$i" || return 1
		if "$extentctl" copy --quiet --socket "$socket" -T "$second/tree" "$mnt/copy$i"; then
			echo "D copy$i" >"$marks"
		else
			failures=$((failures + 1))
		fi
		if "$extentctl" receive --quiet --socket "$socket" -f "$rig/stream" "$mnt"; then
			echo "D s$i" >"$marks"
		else
			failures=$((failures + 1))
		fi
	done
	[ $failures -gt 0 ] || { echo "nothing failed"; return 1; }
}
