#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Trees as streams: btrfs receive takes them, and makes the tree that they were made of; so does ours. From
# btrfs with everything that compression leaves behind, from other filesystems, and without privileges.
#
#	pack.sh [SEED...]		of the random trees
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/../remote/tree.sh"
requires root btrfs extentd extentctl command setfattr command setfacl command setcap
pack=$build/tests/pack/pack-stream
[ $# != 0 ] || set -- 3899141142 2304038

make_btrfs src 512M noatime,compress=zstd
make_btrfs far 1G noatime
mkdir "$far/theirs" "$far/ours" "$work/tmp" && mount -t tmpfs -o size=200M,noatime none "$work/tmp" || fail "tmpfs"
cleanup_fn umount "$work/tmp"

# Only what is asked for: a number that pack-stream counted.
counted() { sed -n "s/^$1 //p" "$work/counts"; }

# NAME SOURCE...: the stream of it, received by both.
both() {
	local name=$1

	"$pack" "$@" >"$work/stream" 2>"$work/counts" || fail "$name: $(cat "$work/counts")"
	btrfs -q receive -f "$work/stream" "$far/theirs" 2>"$work/errors" || fail "btrfs receive $name: $(cat "$work/errors")"
	"$extentctl" receive -q --strict -f "$work/stream" "$far/ours" 2>"$work/errors" || fail "receive $name: $(cat "$work/errors")"
}

# Without what is the filesystem's business: where data lie, how, and what a directory measures.
facts() {
	(cd "$1" && "$build/tests/stream/tree-manifest" -s .) | grep -a -v ' extent ' >"$2" || fail "no manifest of $1"
	[ -s "$2" ] || fail "the manifest of $1 is empty"
}
same_facts() {
	facts "$1" "$work/a"
	facts "$2" "$work/b"
	diff -a "$work/a" "$work/b" >"$work/diff" || fail "$2 differs from $1: $(head -n 10 "$work/diff")"
}

say "one of everything"
mkdir "$src/tree"
make_tree "$src/tree"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$src/tree/socket" 2>/dev/null
(cd "$src/tree" && ln fifo fifo.link && ln -P joined.symlink joined.symlink.link && setfattr -h -n trusted.link -v x joined.symlink &&
	setfacl -d -m u:1234:rwx email && mkdir -m 3711 sticky && : >empty && truncate -s 1000 hole && head -c 1900 joined >inline &&
	setfattr -n user.large -v "$(head -c 3000 /dev/zero | tr '\0' x)" inline &&
	head -c 131072 joined >bookend && sync -f . && dd if=/dev/zero of=bookend bs=4096 seek=7 count=3 conv=notrunc status=none &&
	fallocate -l 1M reserved && chown -h 12:34 joined.symlink && mknod blk b 259 70000) || fail "the tree"
sync -f "$src"
both whole "$src/tree"
same_facts "$src/tree" "$far/theirs/whole"
same_facts "$src/tree" "$far/ours/whole"
[ "$(counted read_encoded)" -gt 100 ] && [ "$(counted compressed)" = 0 ] || fail "$(cat "$work/counts")"
manifest "$src/tree" "$work/a"
manifest "$far/ours/whole" "$work/b"
for f in joined sparse asyncio/tasks.py random; do
	grep -a "/$f extent " "$work/a" >"$work/extents" || fail "no extents of $f"
	grep -a "/$f extent " "$work/b" | diff "$work/extents" - || fail "the extents of $f"
done

say "several sources, each under its own name"
both several "$src/tree/email" "$src/tree/joined" "$src/tree/joined.link" "$src/tree/joined.symlink"
same_facts "$src/tree/email" "$far/theirs/several/email"
[ "$far/theirs/several/joined" -ef "$far/theirs/several/joined.link" ] || fail "two names of a file became two files"
"$pack" x "$src/tree/email" "$src/tree/../tree/email" >"$work/stream" 2>"$work/errors" && fail "one name twice"
grep -q "its name is that of an earlier source" "$work/errors" || fail "$(cat "$work/errors")"
"$pack" x "$src/tree" "$src/nothing" >"$work/stream" 2>"$work/errors"
[ "$?" = 2 ] && [ ! -s "$work/stream" ] || fail "a stream of what is not there"

say "from a filesystem without compression, by each codec"
cp -a "$src/tree" "$work/tmp/tree" || fail "no room"
for codec in zstd zlib lzo none; do
	opt=() && [ $codec = zstd ] || opt=(-c "$codec")
	"$pack" "${opt[@]}" "$codec" "$work/tmp/tree" >"$work/stream" 2>"$work/counts" || fail "$codec: $(cat "$work/counts")"
	[ $codec = none ] || [ "$(counted compressed)" -gt 50 ] || fail "$codec: $(cat "$work/counts")"
	btrfs -q receive -f "$work/stream" "$far/theirs" || fail "btrfs receive, $codec"
	same_facts "$src/tree" "$far/theirs/$codec" # what cp -a leaves is the same
	eval "$codec=\$(stat -c %s "$work/stream")"
done
# shellcheck disable=SC2154
[ $((zstd * 10)) -lt $((none * 7)) ] || fail "zstd: $zstd bytes, without: $none"

say "a user who has no right to read extents"
chmod 755 "$work" "$src" # so that a user gets there
chmod -R a+rX "$src/tree"
as_user 1234 "$pack" user "$src/tree/asyncio" >"$work/stream" 2>"$work/counts" || fail "as a user: $(cat "$work/counts")"
[ "$(counted compressed)" -gt 10 ] && [ "$(counted read_encoded)" = 0 ] || fail "$(cat "$work/counts")"
"$extentctl" receive -q -f "$work/stream" "$far/ours" || fail "receive"
diff -r "$src/tree/asyncio" "$far/ours/user" || fail "contents as a user"

for seed; do
	say "random tree $seed"
	mkdir "$src/$seed"
	"$build/tests/stream/tree-generate" "$seed" 300 "$src/$seed" >/dev/null || fail "tree $seed"
	sync -f "$src"
	both "r$seed" "$src/$seed"
	same_facts "$src/$seed" "$far/theirs/r$seed"
	same_facts "$src/$seed" "$far/ours/r$seed"
done
