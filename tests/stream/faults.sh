#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What btrfs receive gets wrong, and what a hostile stream would try: an error that says where, in
# bounded time; nothing outside the subvolume touched; nothing incomplete that looks complete.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl extentd
tools=$build/tests/stream
make_btrfs mnt 512M compress=zstd

# shellcheck disable=SC2154 # make_btrfs sets it
outside=$mnt/outside
export OUTSIDE=$outside
mkdir "$outside"
head -c 8192 /dev/zero | tr '\0' v >"$outside/victim"
chmod 600 "$outside/victim"
touch -d @1000000000 "$outside/victim" "$outside"
facts() { (cd "$outside" && stat -c '%n %a %u %s %Y %h' . ./* && cat ./* && getfattr -d -m - ./* 2>/dev/null) | sha256sum; }
before=$(facts)

sealed() { btrfs subvolume show "$1" | grep -qE 'Received UUID:[[:space:]]+[0-9a-f]' || btrfs property get "$1" ro | grep -q true; }

drop() {
	[ -n "$(ls -A "$mnt/target")" ] || return 0
	run --abort || fail "--abort"
	[ -e "$mnt/target/s" ] || return 0
	btrfs property set -f "$mnt/target/s" ro false 2>/dev/null
	btrfs subvolume delete "$mnt/target/s" >/dev/null 2>&1
	return 0
}

mkdir "$mnt/target"
run() { timeout 20 "$extentctl" receive -q "$@" "$mnt/target"; }

# refused CASE TEXT [OPTION...]: fails with TEXT, in time, and leaves nothing that looks complete
refused() {
	local name=$1 text=$2 output status
	shift 2
	drop
	output=$("$tools/hostile" "$name" | run "$@" 2>&1)
	status=$?
	[ $status -eq 1 ] || fail "$name $*: exit $status: $output"
	case $output in
	*"$text"*) ;;
	*) fail "$name $*: should have said \"$text\": $output" ;;
	esac
	[ ! -e "$mnt/target/s" ] || fail "$name: an incomplete subvolume has the name of a complete one"
	# What is left is worth it: all that came before the input broke off, or with -E what there is.
	case $name$* in
	no-end* | command-4g* | *-E*) [ "$(ls -A "$mnt/target")" = .s.partial ] || fail "$name $*: nothing is kept" ;;
	*) [ -z "$(ls -A "$mnt/target")" ] || fail "$name $*: $(ls -A "$mnt/target") is left" ;;
	esac
	[ "$(facts)" = "$before" ] || fail "$name $*: something outside was touched"
	if [ -e "$mnt/escaped" ] || [ -e "$mnt/target/escaped" ]; then
		fail "$name: a file escaped"
	fi
	count=$((count + 1))
}

count=0
printf '[Access]\nUsers=root 4711\n' >"$work/extentd.conf"
start_extentd
for options in '--direct' '--direct --no-plan' '--quiet'; do # the last: by the daemon
	read -ra options <<<"$options"
	drop
	"$tools/hostile" good | run "${options[@]}" || fail "a good stream is refused"
	sealed "$mnt/target/s" || fail "a good stream is not sealed"
	[ "$(stat -c %a-%s "$mnt/target/s/f")" = 640-8192 ] || fail "a good stream's file"
	[ "$(tr -d x <"$mnt/target/s/f" | wc -c)" = 0 ] || fail "a good stream's content"

	for name in lzo-segment-past-the-end zstd-truncated; do
		refused $name "payload" "${options[@]}"
		refused $name "payload" "${options[@]}" --force-decompress
	done
	for name in offset-past-the-extent offset-overflow unencoded-huge encrypted; do
		refused $name "offset" "${options[@]}"
		refused $name "stream offset" "${options[@]}" --force-decompress
	done
	for name in dotdot dotdot-inside; do
		refused $name 'has a ".." component' "${options[@]}"
	done
	refused absolute 'is absolute' "${options[@]}"
	refused clone-escape 'has a ".." component' "${options[@]}"
	refused subvolume-dotdot 'has a ".." component' "${options[@]}"
	refused subvolume-path 'is not a single name' "${options[@]}"
	for name in create write write-through chmod truncate unlink xattr rename \
		hard-link times; do
		refused symlink-$name "stream offset" "${options[@]}"
	done
	# The link itself has no mode: passed over with a warning, or strictly an error.
	refused symlink-chmod-itself "Operation not supported" "${options[@]}" --strict
	refused clone-through-symlink "clone s/f: Too many levels" "${options[@]}"
	refused clone-source-missing "no subvolume here" "${options[@]}"
	refused parent-missing "receive that one first" "${options[@]}"
	refused no-subvolume "no subvolume was begun" "${options[@]}"
	refused no-end "the input ends inside the stream" "${options[@]}"
	refused command-4g "command longer than the limit" "${options[@]}"
	refused unknown-command "unknown command" "${options[@]}"
	refused write-beyond-the-largest-file "File too large" "${options[@]}"
	refused fifo-write "stream offset" "${options[@]}"

	# Truncated, with no limit of errors: ends all the same. With -e: still not received.
	refused no-end "the input ends inside the stream" "${options[@]}" -E 0
	refused unknown-command "unknown command" "${options[@]}" -e -E 0
	refused dotdot 'has a ".." component' "${options[@]}" -e -E 0

	drop
	"$tools/hostile" stale-descriptor | run "${options[@]}" || fail "stale-descriptor"
	[ "$(cat "$mnt/target/s/p")$(cat "$mnt/target/s/q")" = secondfirst ] ||
		fail "data went into a renamed file"
	drop
	"$tools/hostile" stale-unlinked | run "${options[@]}" || fail "stale-unlinked"
	[ "$(cat "$mnt/target/s/p")" = second ] || fail "data went into a removed file"
	drop
	"$tools/hostile" clone-longer-than-an-int | run "${options[@]}" || fail "long clone"
	[ "$(tail -c 4096 "$mnt/target/s/b" | head -c 21)" = "behind four gigabytes" ] ||
		fail "the length of a clone was cut"
done

# Confined, clones stay inside as well.
drop
"$tools/hostile" good | run --direct -C || fail "a good stream, confined"
[ "$(stat -c %s "$mnt/target/s/f")" = 8192 ] || fail "a good stream's file, confined"
refused clone-escape 'has a ".." component' --direct -C
refused clone-through-symlink "clone s/f: Too many levels" --direct -C

run -f "$work/missing" 2>/dev/null && fail "-f of a missing file succeeds"
run </dev/null 2>/dev/null && fail "no input at all succeeds"

drop
btrfs -q subvolume create "$mnt/tree"
echo 1 >"$mnt/tree/f"
yes "a line that repeats" | head -c 1000000 >"$mnt/tree/large"
btrfs -q subvolume snapshot -r "$mnt/tree" "$mnt/s"
btrfs -q send --proto 2 --compressed-data -f "$work/full" "$mnt/s"
run --direct -f "$work/full" || fail "receiving a full stream"
sealed "$mnt/target/s" || fail "not sealed"

# Without privilege, with a daemon of its own and with the system's: what is received is complete but
# for owners, which is said. What is compressed stays so where the daemon has the privilege.
drop
chmod 711 "$work"
cp "$extentctl" "$extentd" "$work/"
cp "$build"/client/lib/libextent.so.0 "$work/" || fail "no library"
for daemon in --private "--socket=$socket"; do
	own=$mnt/own${daemon%%=*}
	mkdir "$own"
	chown 4711:4711 "$own"
	unprivileged() {
		LD_LIBRARY_PATH=$work EXTENTD=$work/extentd as_user 4711 "$work/extentctl" receive "$daemon" "$own"
	}
	output=$(unprivileged <"$work/full" 2>&1) || fail "unprivileged, $daemon: $output"
	case $output in
	*"owner of s/"*"not set"*"could not be set"*) ;;
	*) fail "$daemon: owners that were not set are not told: $output" ;;
	esac
	sealed "$own/s" || fail "unprivileged, $daemon: not sealed"
	cmp "$own/s/f" "$mnt/s/f" || fail "unprivileged, $daemon: content"
	cmp "$own/s/large" "$mnt/s/large" || fail "unprivileged, $daemon: content"
	[ "$(ls -A "$own")" = s ] || fail "unprivileged, $daemon: left: $(ls -A "$own")"
	[ "$daemon" = --private ] || all_encoded "$own/s/large" || fail "decompressed by a daemon with the privilege"
	fails_with "File exists" unprivileged <"$work/full"
done
say "$count refusals"
