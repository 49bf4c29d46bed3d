#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A source and two targets, each in a network namespace. Cables are pulled and processes killed after a
# chosen number of bytes; whatever happened, in the end both targets equal the source, and what had
# arrived before was not sent again.
#
#	test-links.sh [ROUNDS]		more rounds than the usual one, with other places to cut
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/sshd.sh"
. "$(dirname "$0")/hosts.sh"
. "$(dirname "$0")/tree.sh"
requires root btrfs extentd extentctl command ssh command /usr/sbin/sshd command ip command setfattr
rounds=${1:-1}

make_btrfs src 512M noatime,compress=zstd
make_btrfs one 512M noatime
make_btrfs two 512M noatime
make_keys
sshd_options="ClientAliveInterval 0" # the far side never notices by itself that its link is gone
make_here
make_host a 1
make_host b 2
host_sshd a
host_sshd b
btrfs -q subvolume create "$src/tree"
mkdir "$src/snaps" "$work/accident"
make_tree "$src/tree"

# Instead of ssh. If there is a file accident/ADDRESS, "BYTES command...": lets so much of a stream
# through, waits until the target has a checkpoint of it, runs the command, and lets the rest go; once.
# A cable that it pulled is plugged in again after ssh has noticed.
cat >"$work/rsh" <<END
#!/bin/bash
case \$1 in
$a_address) ssh=($a_rsh) ;;
*) ssh=($b_rsh) ;;
esac
ssh+=(-o ServerAliveInterval=1 -o ServerAliveCountMax=3 -o ConnectTimeout=5)
accident=$work/accident/\$1
case \$2 in
*"'receive'"*) ;;
*) exec "\${ssh[@]}" "\$@" ;;
esac
[ -e "\$accident" ] || exec "\${ssh[@]}" "\$@"
read -r bytes command <"\$accident"
rm "\$accident"
{
	head -c "\$bytes"
	for ((i = 0; i < 600; i++)); do
		compgen -G "\$(cat $work/\$1)/.tree*.partial/checkpoint-*" >/dev/null && break
		sleep 0.1
	done
	echo "\$1: \$bytes bytes, then \$command" >>$work/accidents
	bash -c "\$command"
	exec cat
} | "\${ssh[@]}" "\$@"
status=\${PIPESTATUS[1]}
case \$command in
*" down") \${command% down} up ;;
esac
exit \$status
END
chmod +x "$work/rsh"
echo "$one" >"$work/$a_address"
echo "$two" >"$work/$b_address"

# kill NAMESPACE PROGRAM: what an accident runs. (Of sshd the sessions, not the listener.)
cat >"$work/kill" <<'END'
#!/bin/bash
for pid in $(ip netns pids "$1"); do
	grep -qa listener "/proc/$pid/cmdline" && continue
	[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ] || kill -KILL "$pid"
done
END
chmod +x "$work/kill"
accident() { echo "$2" >"$work/accident/$1"; }

replicate() {
	on here "$extentctl" replicate --rsh "$work/rsh" --remote-program "$there" --retry-wait 1 \
		--retries 20 --checkpoint 256K --snapshots "$src/snaps" --json "$src/tree" \
		"$a_address:$one" "$b_address:$two" >"$work/report"
}
taken() { find "$src/snaps" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tail -n 1; }
of() { python3 -c 'import json, sys; print(eval(sys.argv[2], {"r": json.load(open(sys.argv[1]))}))' "$work/report" "$1"; }

settled() { # both have it; nothing else can be seen, and nothing is left of the attempts
	local name

	name=$(taken)
	same_tree "$src/snaps/$name" "$one/$name"
	same_tree "$src/snaps/$name" "$two/$name"
	left=$(find "$one" "$two" -mindepth 1 -maxdepth 1 -name '.*')
	[ -z "$left" ] || fail "left: $left"
}

# The wire carries the stream and little else: the protocol's, ssh's and TCP's share.
check_wire() { # NAME NUMBER BEFORE SLACK
	local wire stream

	wire=$(($(carried "$1") - $3))
	stream=$(of "r['targets'][$2]['stream_bytes']")
	say "$1: $wire bytes on the wire for $stream of stream"
	[ "$stream" -gt 0 ] && [ $((wire * 100)) -le $((stream * 102 + $4 * 100)) ] ||
		fail "$1: $wire bytes on the wire for $stream of stream"
}

before_a=$(carried a) before_b=$(carried b)
replicate || fail "the first run"
settled
# Two connections are made in any case: their handshakes, and the list of snapshots.
check_wire a 0 "$before_a" 40000
check_wire b 1 "$before_b" 40000
whole=$(of 'r["targets"][0]["stream_bytes"]')

change_tree "$src/tree" 1
before_a=$(carried a) before_b=$(carried b)
replicate || fail "the second run"
settled
check_wire a 0 "$before_a" 40000
check_wire b 1 "$before_b" 40000
[ "$(of 'r["targets"][0]["stream_bytes"]')" -lt $((whole / 3)) ] || fail "an increment as large as the whole"

# The kernel sends what is left of a large compressed extent decompressed. So that the copies' compression
# can be compared with the original's, no such rests from here on.
for f in joined random random.clone; do
	cp --preserve=all --reflink=never "$src/tree/$f" "$work/whole"
	cp --preserve=all --reflink=never "$work/whole" "$src/tree/$f.whole"
	mv "$src/tree/$f.whole" "$src/tree/$f"
done
ln -f "$src/tree/joined" "$src/tree/joined.link"

# Accidents on the way of a whole copy: all snapshots but the new one are gone from the targets.
whole_again() {
	btrfs -q subvolume delete "$one"/tree.* "$two"/tree.* || fail "the targets' snapshots"
	cp -r "$src/tree/asyncio" "$src/tree/round.$1"
	accident "$a_address" "$2"
	accident "$b_address" "$3"
	replicate 2>"$work/said" || fail "round $1: $(cat "$work/said")"
	settled
	[ -z "$(ls "$work/accident")" ] || fail "round $1: no accident happened"
	for i in 0 1; do
		[ "$(of "r['targets'][$i]['resumed']")" -ge 1 ] || fail "round $1, target $i: not resumed: $(cat "$work/said")"
		[ "$(of "r['targets'][$i]['resumed_bytes']")" -ge 262144 ] || fail "round $1, target $i: $(cat "$work/report")"
	done
}
here="ip -n $host_prefix-here link set"
for ((round = 0; round < rounds; round++)); do
	at=$((whole / 2 + round * 77777 % (whole / 3)))
	whole_again "$round.1" "$at $here to-a down" "$((at + 1000000)) $here to-b down"
	whole_again "$round.2" "$((at + 1000000)) $work/kill $host_prefix-a extentctl" "$((at + 500000)) $work/kill $host_prefix-b extentd"
	whole_again "$round.3" "$((at + 200000)) $work/kill $host_prefix-a sshd" "$((at + 300000)) $work/kill $host_prefix-here ssh"
done

# The source's end killed: the next run goes on with that snapshot, and then brings the next.
btrfs -q subvolume delete "$one"/tree.* "$two"/tree.*
accident "$a_address" "$((whole / 2)) $work/kill $host_prefix-here extentctl"
replicate 2>/dev/null && fail "survived being killed"
interrupted=$(taken)
echo new >"$src/tree/new"
replicate 2>"$work/said" || fail "after the source was killed: $(cat "$work/said")"
settled
[ "$interrupted" != "$(taken)" ] && [ -e "$one/$interrupted" ] || fail "$interrupted was not gone on with"
[ "$(of 'r["targets"][0]["snapshots"], r["targets"][0]["resumed"]')" = "(2, 1)" ] || fail "$(cat "$work/report")"

say "$(wc -l <"$work/accidents") accidents"
