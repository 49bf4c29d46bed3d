# SPDX-License-Identifier: GPL-2.0-or-later
about='extentctl receive: after exit 0 a snapshot is there and sealed; before, none looks complete'
needs=(../../daemon/extentd ../../client/ctl/extentctl ../stream/tree-generate)
faults=("slow percent=5" "slow kind=log percent=2" "slow kind=tree percent=2")
drive()
{
	local name parent=() i
	cuts=$(((cuts + 1) / 2)) # looking at whole trees takes its time
	inspect="'$here/trees.sh' look '$rig/trees'"
	rig_daemon "$bin" || return 1
	rig_second 512M compress=zstd || return 1
	mkdir "$rig/trees" && btrfs -q subvolume create "$second/tree" || return 1
	echo "# from here on" >"$marks"
	for i in 0 1 2 3; do
		name=s$i
		"$bin/../stream/tree-generate" $((seed + i)) 80 "$second/tree" &&
			btrfs -q subvolume snapshot -r "$second/tree" "$second/$name" &&
			"$here/trees.sh" facts "$second/$name" >"$rig/trees/$name.facts" &&
			btrfs -q send --proto 2 --compressed-data "${parent[@]}" -f "$rig/trees/$name.stream" "$second/$name" &&
			"$bin/../../client/ctl/extentctl" receive --quiet --socket "$socket" \
				-f "$rig/trees/$name.stream" "$mnt" || return 1
		echo "D $name" >"$marks"
		parent=(-p "$second/$name")
	done
}
