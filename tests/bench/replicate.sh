#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Processor time of source and target together, of a full copy through ssh: extentctl replicate beside
# "btrfs send | ssh | btrfs receive" and a sync, with --compressed-data and without. Counted is the
# time of all processes of the run (a cgroup), and beside it all of the machine's, the kernel's own
# threads included, for they decompress and write back. That is right on a quiet machine only.
#
#	replicate.sh [ROUNDS]		5; medians are printed
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/../remote/sshd.sh"
requires root btrfs extentd extentctl command ssh command /usr/sbin/sshd
rounds=${1:-5}

make_btrfs src 1536M noatime,compress=zstd
make_btrfs dst 3G noatime
make_keys
btrfs -q subvolume create "$src/tree"
for from in /usr/lib /usr/share; do # a real tree, as much as fits into half of it
	find "$from" -xdev -type f -size -4M 2>/dev/null | LC_ALL=C sort
done | head -n 25000 | cpio -pdm --quiet "$src/tree" 2>/dev/null
cat "$src"/tree/usr/lib/x86_64-linux-gnu/*.so* 2>/dev/null | head -c 400M >"$src/tree/large"
btrfs -q subvolume snapshot -r "$src/tree" "$src/snap"
sync -f "$src"
say "$(find "$src/snap" -type f | wc -l) files, $(du -sm --apparent-size "$src/snap" | cut -f 1) MiB, stored as $(df -m --output=used "$src" | tail -n 1) MiB"

group=/sys/fs/cgroup/cpuacct/extentd-bench-$$
mkdir "$group" || skip "needs the cpuacct controller"
leave_group() { echo $$ >/sys/fs/cgroup/cpuacct/cgroup.procs && wait_for 10 rmdir "$group"; }
cleanup_fn leave_group
spent() { # milliseconds: of the processes, of the machine (all but idle and iowait)
	echo "$(($(cat "$group/cpuacct.usage") / 1000000)) $(awk '/^cpu /{ print ($2 + $3 + $4 + $7 + $8 + $9) * 10; exit }' /proc/stat)"
}

btrfs_pipe() { # OPTION...
	# shellcheck disable=SC2086,SC2029
	btrfs -q send "$@" "$src/snap" | $rsh 127.0.0.1 "btrfs -q receive '$dst' && sync -f '$dst'"
}
uncompressed() { btrfs_pipe --proto 2; }
compressed() { btrfs_pipe --proto 2 --compressed-data; }
full() { "$extentctl" replicate -q --rsh "$rsh" --remote-program "$there" "$src/snap" "127.0.0.1:$dst"; }
trusted() { "$extentctl" replicate -q --trust-source --rsh "$rsh" --remote-program "$there" "$src/snap" "127.0.0.1:$dst"; }

echo $$ >"$group/cgroup.procs"
start_sshd
for ((i = 0; i < rounds; i++)); do
	for way in uncompressed compressed full trusted; do
		drop_caches "$src"
		read -r processes machine < <(spent)
		$way || fail "$way"
		sync -f "$dst"
		read -r p m < <(spent)
		echo "$((p - processes))" >>"$work/$way.processes"
		echo "$((m - machine))" >>"$work/$way.machine"
		btrfs -q subvolume delete -c "$dst/snap" && btrfs -q subvolume sync "$dst"
	done
done

bad=0
goal() { # OURS THEIRS LIMIT: the ratio in each round, its median and spread
	local what median

	for what in processes machine; do
		paste "$work/$1.$what" "$work/$2.$what" | awk '{ printf "%.3f\n", $1 / $2 }' | sort -n >"$work/ratios"
		median=$(sed -n "$(((rounds + 1) / 2))p" "$work/ratios")
		say "replicate ($1) / btrfs send | ssh | btrfs receive ($2), $what: $median ($(head -n 1 "$work/ratios") .. $(tail -n 1 "$work/ratios"); goal $3)"
	done
	awk -v r="$median" -v g="$3" 'BEGIN { exit r > g }' || bad=1
}
for way in uncompressed compressed full trusted; do
	say "$way: ms of processor time, processes: $(tr '\n' ' ' <"$work/$way.processes")all of the machine's: $(tr '\n' ' ' <"$work/$way.machine")"
done
goal full uncompressed 0.5
goal trusted uncompressed 0.5
goal full compressed 1.0
goal trusted compressed 1.0
exit $bad
