#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Processor time of source and target together, of a full copy through ssh: extentctl replicate beside
# "btrfs send | ssh | btrfs receive" and a sync, with --compressed-data and without. All of the
# machine's time is counted (/proc/stat), the kernel's own threads included, for they decompress;
# so the machine must be quiet.
#
#	replicate.sh [ROUNDS]		5; medians are printed
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/../remote/sshd.sh"
requires root btrfs extentd extentctl command ssh command /usr/sbin/sshd
rounds=${1:-5}

make_btrfs src 1536M noatime,compress=zstd
make_btrfs dst 3G noatime
make_keys
start_sshd
btrfs -q subvolume create "$src/tree"
for from in /usr/lib /usr/share; do # a real tree, as much as fits into half of it
	find "$from" -xdev -type f -size -4M 2>/dev/null | LC_ALL=C sort
done | head -n 25000 | cpio -pdm --quiet "$src/tree" 2>/dev/null
cat "$src"/tree/usr/lib/x86_64-linux-gnu/*.so* 2>/dev/null | head -c 400M >"$src/tree/large"
btrfs -q subvolume snapshot -r "$src/tree" "$src/snap"
sync -f "$src"
say "$(find "$src/snap" -type f | wc -l) files, $(du -sm --apparent-size "$src/snap" | cut -f 1) MiB, stored as $(df -m --output=used "$src" | tail -n 1) MiB"

spent() { # hundredths of a second: all but idle and iowait
	awk '/^cpu /{ print $2 + $3 + $4 + $7 + $8 + $9; exit }' /proc/stat
}

btrfs_pipe() { # OPTION...
	# shellcheck disable=SC2086,SC2029
	btrfs -q send "$@" "$src/snap" | $rsh 127.0.0.1 "btrfs -q receive '$dst' && sync -f '$dst'"
}
uncompressed() { btrfs_pipe --proto 2; }
compressed() { btrfs_pipe --proto 2 --compressed-data; }
full() { "$extentctl" replicate -q --rsh "$rsh" --remote-program "$there" "$src/snap" "127.0.0.1:$dst"; }
trusted() { "$extentctl" replicate -q --trust-source --rsh "$rsh" --remote-program "$there" "$src/snap" "127.0.0.1:$dst"; }

for ((i = 0; i < rounds; i++)); do
	for way in uncompressed compressed full trusted; do
		drop_caches "$src"
		begin=$(spent)
		$way || fail "$way"
		sync -f "$dst"
		echo "$(($(spent) - begin))" >>"$work/$way"
		btrfs -q subvolume delete -c "$dst/snap" && btrfs -q subvolume sync "$dst"
	done
done

median() { sort -n "$work/$1" | sed -n "$(((rounds + 1) / 2))p"; }
for way in uncompressed compressed full trusted; do
	say "$way: $(median $way | sed 's/..$/.&/') s of processor time ($(sort -n "$work/$way" | tr '\n' ' '))"
done
ratio() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { printf "%.2f", a / b }'; }
bad=0
goal() { # OURS THEIRS LIMIT
	local r

	r=$(ratio "$1" "$2")
	say "replicate ($1) / btrfs send | ssh | btrfs receive ($2): $r (goal $3)"
	awk -v r="$r" -v g="$3" 'BEGIN { exit r > g }' || bad=1
}
goal full uncompressed 0.5
goal trusted uncompressed 0.5
goal full compressed 1.0
goal trusted compressed 1.0
exit $bad
