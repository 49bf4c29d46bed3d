#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# copy --host: a tree read and compressed once, to several machines; what ails one is no other's
# business, and nothing is seen anywhere before it is whole.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/sshd.sh"
. "$(dirname "$0")/hosts.sh"
. "$(dirname "$0")/tree.sh"
requires root btrfs extentd extentctl command ssh command /usr/sbin/sshd command ip command setfattr

make_btrfs src 512M noatime,compress=zstd
make_btrfs one 512M noatime
make_btrfs two 512M noatime
make_btrfs tiny 120M noatime
make_keys
make_here
mkdir "$work/there"

# Every machine has its own filesystem there.
cat >"$work/at" <<END
#!/bin/bash
mount --bind "\$1" $work/there || exit 1
shift
exec "\$@"
END
# Instead of ssh: how to get to each. One that is to be late waits for a file; one that is to be deaf
# takes nothing.
cat >"$work/rsh" <<END
#!/bin/bash
[ -e $work/late.\$1 ] && while [ ! -e $work/go ]; do sleep 0.05; done
[ -e $work/deaf.\$1 ] && exec sleep 100
case \$1 in
END
machine() { # NAME NUMBER FILESYSTEM
	make_host "$1" "$2"
	local address=${1}_address

	start_sshd "${!address}" ip netns exec "$host_prefix-$1" "$work/at" "$3"
	printf '%s) exec %s "$@" ;;\n' "${!address}" "$rsh" >>"$work/rsh"
}
chmod +x "$work/at" "$work/rsh"
machine a 1 "$one"
machine b 2 "$two"
machine c 3 "$tiny"
ssh-keygen -q -t ed25519 -N '' -f "$ssh_dir/stranger"
echo "$sshd_name $(cut -d ' ' -f 1,2 "$ssh_dir/stranger.pub")" >"$ssh_dir/wrong_hosts"
# shellcheck disable=SC2154
{
	printf 'stranger) shift; exec %s %s "$@" ;;\n' "${rsh/$ssh_dir\/known_hosts/$ssh_dir\/wrong_hosts}" "$c_address"
	printf 'nobody) shift; exec %s %s "$@" ;;\nesac\n' "${rsh/-p $sshd_port/-p 1}" "$c_address"
} >>"$work/rsh"

# Options, hosts (names of machines), sources and the name there.
copy() {
	local args=() word=

	for word; do
		case $word in
		@*) args+=(--host "${word#@}") ;;
		*) args+=("$word") ;;
		esac
	done
	on here "$extentctl" copy --retries "${retries:-0}" --json --rsh "$work/rsh" --remote-program "$there" "${args[@]}" >"$work/report" 2>"$work/said"
}
of() { python3 -c 'import json, sys; print(eval(sys.argv[2], {"r": json.load(open(sys.argv[1]))}))' "$work/report" "$1"; }
# STATUS COMPLETE SAID command...: ends like that; so many hosts have it; and it says so.
ends() {
	local status=$1 complete=$2 said=$3 got

	shift 3
	"$@"
	got=$?
	[ "$got" = "$status" ] || fail "$* ended with $got, not $status: $(cat "$work/said")"
	[ -z "$said" ] || grep -qF -- "$said" "$work/said" || fail "$*: no \"$said\" in: $(cat "$work/said")"
	[ "$(of 'sum(h["complete"] for h in r["hosts"])')" = "$complete" ] || fail "$*: $(cat "$work/report")"
}
nothing_seen() { # NAME FILESYSTEM...
	local name=$1 fs

	shift
	for fs; do
		[ ! -e "$fs/$name" ] || fail "$fs/$name is to be seen"
	done
}

btrfs -q subvolume create "$src/tree"
make_tree "$src/tree"
sync -f "$src"
# shellcheck disable=SC2154
a=@$a_address b=@$b_address c=@$c_address
d=$work/there

say "two machines: the tree, what the disks hold, and what it costs on the wire"
before_a=$(carried a) before_b=$(carried b)
ends 0 2 "" copy "$a" "$b" "$src/tree" "$d/copy"
same_tree "$src/tree" "$one/copy"
same_tree "$src/tree" "$two/copy"
stream=$(of 'r["stream_bytes"]')
for wire in $(($(carried a) - before_a)) $(($(carried b) - before_b)); do
	say "$wire bytes on the wire for $stream of stream"
	[ $((wire * 100)) -le $((stream * 102 + 20000 * 100)) ] || fail "$wire bytes on the wire for $stream"
done
[ "$(of 'r["compressed"], sum(h["decoded"] for h in r["hosts"])')" = "(0, 0)" ] || fail "$(cat "$work/report")"
[ "$(of 'r["read_encoded"] == r["hosts"][0]["encoded"] == r["hosts"][1]["encoded"]')" = True ] || fail "$(cat "$work/report")"
left=$(find "$one" "$two" -mindepth 1 -maxdepth 1 -name '.*')
[ -z "$left" ] || fail "left: $left"

say "names"
ends 0 1 "" copy "$a" "$src/tree/email" "$d/"
diff -r "$src/tree/email" "$one/email" || fail "into a directory"
ends 0 1 "" copy "$a" "$src/tree/joined" "$src/tree/joined.link" "$src/tree/json" "$d/several"
[ "$one/several/joined" -ef "$one/several/joined.link" ] && diff -r "$src/tree/json" "$one/several/json" || fail "several"
ends 1 0 "exists" copy "$a" "$src/tree/email" "$d/copy"
for usage in "--update --host x $src/tree $d/x" "--host x -s /none $src/tree $d/x" "--host -x $src/tree $d/x" \
	"--host x $src/tree $src/tree/email $d/" "--host x $src/tree $d/.."; do
	# shellcheck disable=SC2086
	copy $usage
	[ $? = 2 ] || fail "$usage: $(cat "$work/said")"
done

say "not btrfs: compressed on the way"
mkdir "$work/tmp" && mount -t tmpfs -o noatime none "$work/tmp" || fail "tmpfs"
cleanup_fn umount "$work/tmp"
cp -a "$src/tree" "$work/tmp/"
ends 0 1 "" copy --compress zstd:1 "$a" "$work/tmp/tree" "$d/packed"
diff -r --no-dereference "$src/tree/asyncio" "$one/packed/asyncio" && cmp "$src/tree/joined" "$one/packed/joined" || fail "contents"
[ "$(of 'r["compressed"] == r["hosts"][0]["encoded"] > 50')" = True ] || fail "$(cat "$work/report")"

say "what ails one is no other's business"
head -c 60M /dev/zero >"$tiny/fill" 2>/dev/null
head -c 24M /dev/urandom >"$work/tmp/noise"
sync -f "$tiny"
ends 1 1 "No space left" copy "$a" "$c" "$work/tmp/noise" "$d/full"
cmp "$work/tmp/noise" "$one/full/noise" || fail "contents beside a full target"
nothing_seen full "$tiny"
rm "$tiny/fill"
mkdir "$two/only"
ends 1 1 "No such file" copy "$a" "$b" "$src/tree/email" "$d/only/root"
nothing_seen only "$one"
diff -r "$src/tree/email" "$two/only/root" || fail "contents beside a wrong root"
ends 1 1 "Host key verification failed" copy @stranger "$b" "$src/tree/email" "$d/key"
diff -r "$src/tree/email" "$two/key" || fail "contents beside a wrong host key"
ends 1 1 "Connection refused" copy @nobody "$b" "$src/tree/email" "$d/refused"
ends 3 0 "Connection refused" copy @nobody "$src/tree/email" "$d/nobody"
ends 1 0 "" copy "$a" "$src/nothing" "$d/nothing"
nothing_seen nothing "$one"
ends 3 0 "extentctl is not there" copy --remote-program "$work/nothing" "$a" "$src/tree/email" "$d/nothing"

say "one that takes nothing"
touch "$work/deaf.$b_address"
ends 1 1 "given up" copy --spool-size 8M --patience 1 "$a" "$b" "$work/tmp/noise" "$d/deaf"
cmp "$work/tmp/noise" "$one/deaf/noise" || fail "contents beside a deaf one"
nothing_seen deaf "$two"
rm "$work/deaf.$b_address"

say "no room for what is on its way"
mkdir "$work/narrow" && mount -t tmpfs -o size=4M none "$work/narrow" || fail "tmpfs"
cleanup_fn umount "$work/narrow"
export TMPDIR=$work/narrow
ends 0 1 "" copy "$a" "$work/tmp/noise" "$d/narrow"
cmp "$work/tmp/noise" "$one/narrow/noise" || fail "contents through a narrow spool"
TMPDIR=$work/nowhere copy "$a" "$src/tree" "$d/nowhere"
[ $? = 4 ] && grep -q "no room for the stream in $work/nowhere" "$work/said" || fail "no spool: $(cat "$work/said")"
unset TMPDIR

# The source fills the spool and waits; then it is changed.
say "a source that changes"
mkdir "$work/tmp/live"
cp "$work/tmp/noise" "$work/tmp/live/a"
echo later >"$work/tmp/live/b"
touch "$work/late.$a_address"
copy --spool-size 8M "$a" "$work/tmp/live" "$d/live" &
pid=$!
wait_for 20 eval '[ "$(lsof -p $(pgrep -P '$pid' -f "extentctl copy" | head -n 1) 2>/dev/null | grep -c live/a)" -gt 0 ] || [ -n "$(find /proc/[0-9]*/fd -lname "$work/tmp/live/a" 2>/dev/null | head -n 1)" ]'
echo more >>"$work/tmp/live/a"
rm "$work/tmp/live/b"
touch "$work/go"
wait "$pid"
[ $? = 1 ] || fail "a source that changed: $(cat "$work/said")"
grep -q "live/a: .*grew while it was read" "$work/said" && grep -q "live/b: cannot be looked at: No such" "$work/said" ||
	fail "changes: $(cat "$work/said")"
cmp "$work/tmp/noise" "$one/live/a" || fail "what the file had at first is not what is there"
[ "$(of 'r["errors"], r["hosts"][0]["complete"]')" = "(2, True)" ] || fail "$(cat "$work/report")"
rm "$work/late.$a_address" "$work/go"

# Killed on the way, either end: nothing is seen; the next copy of that name leaves nothing behind.
say "killed"
kill_far() { # NAMESPACE PROGRAM
	local pid

	for pid in $(ip netns pids "$1"); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ] || kill -KILL "$pid"
	done
}
begun() { compgen -G "$1/.killed.partial" >/dev/null; }
copy --bwlimit 4M "$a" "$b" "$work/tmp/noise" "$d/killed" &
pid=$!
wait_for 20 begun "$one"
wait_for 20 begun "$two"
kill_far "$host_prefix-a" extentctl
sleep 1
kill_far "$host_prefix-here" extentctl
wait "$pid"
far_ended() { [ -z "$(pgrep -f "receive.*$d" | head -n 1)" ]; }
wait_for 20 far_ended
nothing_seen killed "$one" "$two"
ends 0 2 "" copy "$a" "$b" "$src/tree/email" "$d/killed"
diff -r "$src/tree/email" "$one/killed" && diff -r "$src/tree/email" "$two/killed" || fail "after a kill"
left=$(find "$one" "$two" -mindepth 1 -maxdepth 1 -name '.*')
[ -z "$left" ] || fail "left: $left"
copy --bwlimit 8M "$a" "$b" "$work/tmp/noise" "$d/killed2" &
pid=$!
begun2() { compgen -G "$one/.killed2.partial" >/dev/null; }
wait_for 20 begun2
kill_far "$host_prefix-a" extentctl
wait "$pid"
[ $? = 1 ] && [ "$(of '[h["complete"] for h in r["hosts"]]')" = "[False, True]" ] || fail "$(cat "$work/said" "$work/report")"
nothing_seen killed2 "$one"
cmp "$work/tmp/noise" "$two/killed2/noise" || fail "contents beside a killed one"

# A link that is cut, and one end killed, with a checkpoint on the way: gone on with, and nothing is sent
# twice but what came after it.
say "cut, and gone on with"
checkpoint() { compgen -G "$1/.resumed.partial/checkpoint-*" >/dev/null; }
retries=5 copy --spool-size 16M --bwlimit 8M "$a" "$b" "$work/tmp/noise" "$d/resumed" &
pid=$!
wait_for 30 checkpoint "$one"
kill_far "$host_prefix-a" extentctl
wait_for 30 checkpoint "$two"
for p in $(ip netns pids "$host_prefix-b"); do
	grep -qa listener "/proc/$p/cmdline" || [ "$(cat "/proc/$p/comm" 2>/dev/null)" != sshd ] || kill -KILL "$p"
done
wait "$pid" || fail "after two cuts: $(cat "$work/said")"
for fs in "$one" "$two"; do
	cmp "$work/tmp/noise" "$fs/resumed/noise" || fail "contents after a cut"
done
[ "$(of '[h["resumed"] > 0 and h["resumed_bytes"] >= 4 << 20 and h["stream_bytes"] < 2 * r["stream_bytes"] for h in r["hosts"]]')" = "[True, True]" ] ||
	fail "$(cat "$work/report" "$work/said")"
left=$(find "$one" "$two" -mindepth 1 -maxdepth 1 -name '.resumed*')
[ -z "$left" ] || fail "left: $left"
