#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real tree and its changes to two targets, one of them through ssh; and every error where it belongs.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/sshd.sh"
. "$(dirname "$0")/tree.sh"
requires root btrfs extentd extentctl command ssh command /usr/sbin/sshd command setfattr

make_btrfs src 512M noatime,compress=zstd
make_btrfs far 512M noatime
make_btrfs near 512M noatime
make_btrfs tiny 120M noatime
make_keys
start_sshd
btrfs -q subvolume create "$src/tree"
mkdir "$src/snaps" "$far/a dir"
make_tree "$src/tree"
targets=("127.0.0.1:$far/a dir" "$near")
replicate() { "$extentctl" replicate --rsh "$rsh" --remote-program "$there" --retry-wait 1 "$@"; }
taken() { find "$src/snaps" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tail -n 1; }
of() { python3 -c 'import json, sys; print(eval(sys.argv[2], {"r": json.load(open(sys.argv[1]))}))' "$work/report" "$1"; }
metric() { sed -n "s|^extentd_replicate_$1{.*target=\"$2\"} ||p" "$work/metrics"; }

python3 "$(dirname "$0")/openmetrics.py" --self-test || fail "openmetrics.py"
fails_with "where to take read-only snapshots" replicate "$src/tree" "$near"
fails_with "no btrfs subvolume" replicate "$src/snaps" "$near"

# All of it, then twice what changed, to both; less than a tenth of the first is sent.
for n in 0 1 2; do
	[ $n = 0 ] || change_tree "$src/tree" $n
	replicate --quiet --json --snapshots "$src/snaps" --metrics "$work/metrics" "$src/tree" \
		"${targets[@]}" >"$work/report" || fail "run $n"
	name=$(taken)
	same_tree "$src/snaps/$name" "$far/a dir/$name"
	same_tree "$src/snaps/$name" "$near/$name"
	[ "$(of 'all(t["complete"] and not t["decoded"] for t in r["targets"])')" = True ] || fail "report: $(cat "$work/report")"
	[ "$(of '[t["shared"] for t in r["targets"]]')" = "[1, 1]" ] || fail "read for each by itself: $(cat "$work/report")"
	size=$(of 'r["targets"][0]["stream_bytes"]')
	[ $n != 0 ] || full=$size
	[ $n = 0 ] || [ "$size" -lt $((full / 5)) ] || fail "run $n sent $size bytes, the first one $full"
	[ "$(metric success "${targets[0]}") $(metric lag_seconds "${targets[1]}")" = "1 0" ] || fail "metrics"
	[ "$(metric stream_bytes "${targets[0]}")" = "$size" ] || fail "metrics: stream_bytes"
	python3 "$(dirname "$0")/openmetrics.py" "$work/metrics" success stream_bytes extents durable_wait_seconds \
		newest_timestamp_seconds lag_seconds run_timestamp_seconds || fail "metrics: $(cat "$work/metrics")"
done
btrfs send -q --proto 2 --compressed-data -p "$src/snaps/$(find "$src/snaps" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | sed -n 2p)" \
	-f "$work/stream" "$src/snaps/$name"
[ "$(stat -c %s "$work/stream")" = "$size" ] || fail "btrfs send makes $(stat -c %s "$work/stream") bytes of what took $size"

# Again: there is nothing to do. To a third target: all, and the two others are left alone.
replicate --json "$src/snaps/$name" "${targets[@]}" >"$work/report" || fail "again"
[ "$(of 'sum(t["stream_bytes"] for t in r["targets"])')" = 0 ] || fail "sent what was there"
mkdir "$near/third"
btrfs -q subvolume delete "$near"/tree.*
replicate --json --bwlimit 100M "$src/snaps/$name" "${targets[@]}" >"$work/report" || fail "a target that lost all"
[ "$(of '[t["parent"] is None and t["stream_bytes"] > 0 for t in r["targets"]]')" = "[False, True]" ] ||
	[ "$(of '[t["stream_bytes"] > 0 for t in r["targets"]]')" = "[False, True]" ] || fail "report: $(cat "$work/report")"

# Of the source's snapshots stay the newest, and what a target needs.
change_tree "$src/tree" 3
replicate --quiet --keep 1 --retries 0 --snapshots "$src/snaps" "$src/tree" "$near" "nowhere.invalid:$far" 2>/dev/null
[ "$(find "$src/snaps" -mindepth 1 -maxdepth 1 | wc -l)" = 1 ] || fail "kept: $(ls "$src/snaps")"

# A wrong root, a wrong peer, a full target, a name that is taken: clear, and nothing to be seen.
name=$(taken)
fails_with "this is no btrfs" replicate "$src/snaps/$name" "127.0.0.1:$work"
fails_with "No such file" replicate "$src/snaps/$name" "127.0.0.1:$far/nothing"

# ssh's refusals end at once, whatever --retries says; where it does not say what they are, after three
# attempts; and a host that does not answer is tried as often as it was asked for.
wrong=${rsh/$ssh_dir\/known_hosts/$ssh_dir\/wrong_hosts}
echo "$sshd_name $(cut -d ' ' -f 1,2 "$ssh_dir/user.pub")" >"$ssh_dir/wrong_hosts"
ssh-keygen -q -t ed25519 -N '' -f "$ssh_dir/stranger"
ends() { # TEXT ATTEMPTS RSH [OPTION...]
	local text=$1 attempts=$2 with=$3

	shift 3
	replicate --rsh "$with" "$@" "$src/snaps/$name" "127.0.0.1:$far" 2>"$work/said" && fail "$text: succeeded"
	grep -qF "$text" "$work/said" || fail "should have said \"$text\": $(cat "$work/said")"
	[ "$(grep -c 'again in' "$work/said")" = $((attempts - 1)) ] || fail "$text: not $attempts attempts: $(cat "$work/said")"
}
ends "Host key verification failed" 1 "$wrong"
ends "Host key verification failed" 1 "${wrong/LogLevel=ERROR/LogLevel=INFO}"
ends "Permission denied (publickey" 1 "${rsh/$ssh_dir\/user /$ssh_dir\/stranger }"
ends "Name or service not known" 1 "$rsh -o HostName=nowhere.invalid"
ends "Bad configuration option" 1 "$rsh -o NoSuchOption=1"
ends "ssh did not say why" 3 "${wrong/LogLevel=ERROR/LogLevel=QUIET}"
ends "Connection refused" 4 "${rsh/-p $sshd_port/-p 1}" --retries 3
fails_with "extentctl is not there" replicate --remote-program "$work/nothing" "$src/snaps/$name" "127.0.0.1:$far"
fails_with "is no target" replicate -- "$src/snaps/$name" "-oProxyCommand=x:/y"
head -c 100M /dev/urandom >"$tiny/fill" 2>/dev/null
sync -f "$tiny"
fails_with "No space left" replicate "$src/snaps/$name" "127.0.0.1:$tiny"
[ -z "$(find "$tiny" -mindepth 1 -maxdepth 1 -name 'tree*')" ] || fail "on the full target: $(ls -A "$tiny")"
mkdir "$far/a dir/$name"
fails_with "$name" replicate "$src/snaps/$name" "${targets[0]}"
[ -z "$(ls "$far/a dir/$name")" ] || fail "written into somebody else's directory"

# One that stops reading in the middle of what both get from one send holds the other up for ten seconds, then
# goes on by itself. (Its hands are the shell's, in front of ssh.)
btrfs -q subvolume delete "$near"/tree.* "$far/a dir"/tree.* 2>/dev/null
rmdir "$far/a dir/$name" 2>/dev/null
cat >"$work/stops" <<END
#!/bin/bash
[[ \$2 == *"'receive'"* ]] && ! [ -e "$work/stopped" ] || exec $rsh "\$@"
: >"$work/stopped"
{ head -c 1000000; sleep 15; exec cat; } | $rsh "\$@"
END
chmod +x "$work/stops"
"$extentctl" replicate --rsh "$work/stops" --remote-program "$there" --retry-wait 1 --json "$src/snaps/$name" \
	"${targets[@]}" >"$work/report" 2>"$work/said" || fail "one that stops: $(cat "$work/said")"
"$extentctl" verify -q "$src/snaps/$name" "$far/a dir/$name" || fail "one that stops: not equal"
"$extentctl" verify -q "$src/snaps/$name" "$near/$name" || fail "one that stops: the other is not equal"
grep -q 'too slow for those' "$work/said" || fail "nobody was left behind: $(cat "$work/said" "$work/report")"
[ "$(of '[(t["attempts"], t["shared"]) for t in r["targets"]]')" = "[(2, 1), (1, 1)]" ] || fail "one that stops: $(cat "$work/report")"
[ "$(of 'r["targets"][1]["seconds"] < r["targets"][0]["seconds"] - 2')" = True ] || fail "waited to the end: $(cat "$work/report")"

# From a file; the command line stands above it.
printf '#!/bin/sh\nexec %s "$@"\n' "$rsh" >"$work/rsh"
chmod +x "$work/rsh"
cat >"$work/tree.conf" <<END
[Replicate]
# a comment
Source=$src/snaps/$name
Target=$near
Target=127.0.0.1:$far/nothing
Rsh=$work/rsh
RemoteProgram=$there
BandwidthLimit=1G
TrustSource=yes
END
fails_with "No such file" replicate --config "$work/tree.conf"
replicate --config "$work/tree.conf" "$src/snaps/$name" "$near" || fail "--config"
sed -i 's/^Target/Traget/' "$work/tree.conf"
fails_with 'tree.conf:4: there is no key "Traget"' replicate --config "$work/tree.conf"
