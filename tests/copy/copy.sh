#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# extentctl copy beside cp -a: contents, metadata, extents, the rules for names.
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentd extentctl command setfattr command setfacl command setcap

generate=$build/tests/stream/tree-generate
manifest=$build/tests/stream/tree-manifest

make_btrfs src 1G compress=zstd
make_btrfs dst 2G noatime

# Everything but access times, which reading changes, and what cp itself does not keep.
facts() {
	(cd "$1" && find . -mindepth 1 -printf '%p %y %m %U:%G %n %T@ %l\n' | sed 's/\(\.[0-9]*\)0 /\1 /' |
		sort && find . -type f -print0 | sort -z | xargs -0r md5sum &&
		find . ! -type l -print0 | sort -z | xargs -0r getfattr -d -m - -e hex --absolute-names &&
		find . -type f -size +64k ! -name reserved -print0 | sort -z | xargs -0r stat -c '%n %b') >"$2" 2>/dev/null
}

same_facts() {
	facts "$1" "$work/a" && facts "$2" "$work/b"
	[ -s "$work/a" ] || fail "nothing was compared"
	diff "$work/a" "$work/b" >"$work/diff" || fail "$1 and $2 differ: $(head -n 5 "$work/diff")"
}

# A tree with one of each
tree=$src/tree
mkdir -p "$tree/dir/sub" && cd "$tree" || exit 1
yes "compressible text" | head -c 1000000 >text
head -c 300000 /dev/urandom >noise
yes inline | head -c 1500 >inline
: >empty
echo 0123456789 >small
truncate -s 5M sparse && yes data | dd of=sparse bs=4k seek=700 count=20 conv=notrunc status=none
fallocate -l 1M reserved && yes start | head -c 70000 | dd of=reserved conv=notrunc status=none
mkdir plain && btrfs property set plain compression none && yes plain | head -c 500000 >plain/data
yes bookend | head -c 131072 >bookend && sync -f . &&
	dd if=/dev/zero of=bookend bs=4096 seek=7 count=3 conv=notrunc status=none
cp --reflink=always bookend reflinked && truncate -s 50001 reflinked
ln text linked && ln noise dir/sub/linked
ln -s text symlink && ln -s /nowhere/at/all dangling
mkfifo fifo && mknod device c 1 3 && mknod block b 7 0
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
echo 'new
line' >$'strange\nname \\ x'
setfattr -n user.one -v value text && setfattr -n trusted.two -v value dir
setfattr -h -n trusted.three -v value symlink
setfacl -m u:1234:rw small && setfacl -d -m g:4321:rx dir
cp /bin/true capable && setcap cap_net_raw+ep capable
echo s >setuid && chown 12:34 setuid && chmod 6755 setuid
echo n >nobody && chown 65534:65534 nobody && chmod 0 nobody
mkdir sticky && chmod 3777 sticky && chown 5:6 sticky && echo x >sticky/file
chmod 0500 dir/sub
touch -d '2001-02-03 04:05:06.789' text dir/sub dir . && touch -h -d '1999-01-01' symlink
sync -f .
cd "$work" || exit 1

copy() {
	local report=$work/report

	"$extentctl" copy --json "$@" >"$report" 2>"$work/errors" || fail "copy $*: $(cat "$work/errors")"
	grep -q '"durable": true' "$report" || fail "not durable: $(cat "$report")"
}
reported() { sed -n "s/^ *\"$1\": \\([^,]*\\).*/\\1/p" "$work/report"; }

cp -a "$tree" "$dst/cp"
same_facts "$tree" "$dst/cp"

say "encoded, private daemon"
copy "$tree" "$dst/encoded"
same_facts "$tree" "$dst/encoded"
[ "$(reported backend)" = '"uring"' ] || [ "$(reported backend)" = '"ioctl"' ] ||
	fail "backend $(reported backend)"
[ "$(reported read_encoded)" -gt 8 ] && [ "$(reported compressed)" -eq 0 ] || fail "not read encoded"
for file in text inline bookend linked; do
	all_encoded "$dst/encoded/$file" || fail "$file is not stored compressed"
done
all_encoded "$dst/encoded/noise" && fail "noise is stored compressed"
[ "$(stat -c %i "$dst/encoded/text")" = "$(stat -c %i "$dst/encoded/linked")" ] || fail "no hard link"
[ "$(stat -c %b "$dst/encoded/sparse")" -le 200 ] || fail "the holes are gone"
setpriv --reuid 65534 --clear-groups true && getcap "$dst/encoded/capable" | grep -q cap_net_raw ||
	fail "the capability is gone"
# The extents are the source's, bookends included.
for file in text bookend reflinked; do
	"$manifest" "$src" | grep "1:/tree/$file extent" | sed 's/ [0-9]:.*//; s/tree/x/' >"$work/a"
	"$manifest" "$dst" | grep "1:/encoded/$file extent" | sed 's/ [0-9]:.*//; s/encoded/x/' >"$work/b"
	[ -s "$work/a" ] && diff "$work/a" "$work/b" || fail "the extents of $file are not the same"
done

say "again, over what is there"
touch "$dst/encoded/text" && echo changed >"$dst/encoded/small"
ln -sf /etc/passwd "$dst/encoded/inline"
before=$(md5sum </etc/passwd)
copy -T "$tree" "$dst/encoded"
same_facts "$tree" "$dst/encoded"
[ "$before" = "$(md5sum </etc/passwd)" ] || fail "wrote through a symbolic link"

say "names"
copy "$tree" "$dst/encoded"
same_facts "$tree" "$dst/encoded/tree"
mkdir "$dst/into"
copy "$tree/small" "$tree/dir" "$tree/symlink" "$dst/into/"
mkdir "$dst/into-cp" && cp -a "$tree/small" "$tree/dir" "$tree/symlink" "$dst/into-cp/"
[ "$(getfattr -h --absolute-names --only-values -n trusted.three "$dst/into/symlink")" = value ] || fail "the attribute of a link that is a source"
same_facts "$dst/into-cp" "$dst/into"
mkdir "$dst/content"
copy "$tree/." "$dst/content"
same_facts "$tree" "$dst/content"
fails_with "is not a directory" "$extentctl" copy "$tree/small" "$tree/text" "$dst/none"
fails_with "cannot be looked at" "$extentctl" copy "$tree/missing" "$dst/into"
fails_with "into itself" "$extentctl" copy "$dst/into" "$dst/into/self"
fails_with "same file" "$extentctl" copy "$dst/into/small" "$dst/into"
fails_with "a directory stands in its place" "$extentctl" copy -T "$tree/small" "$dst/into/dir"
fails_with "what is no directory stands" "$extentctl" copy -T "$tree/dir" "$dst/into/small"
"$extentctl" copy 2>/dev/null "$tree" || [ $? -eq 2 ] || fail "not a usage error"
"$extentctl" copy -q "$tree/missing" "$tree/empty" "$dst/into" 2>/dev/null
[ $? -eq 1 ] && [ -e "$dst/into/empty" ] || fail "one error must not stop the rest"

say "other sources"
mkdir "$work/tmpfs" && mount -t tmpfs -o size=64M tmpfs "$work/tmpfs" && cleanup_fn umount "$work/tmpfs"
cp -a "$tree/text" "$tree/noise" "$tree/inline" "$tree/small" "$tree/sparse" "$tree/empty" "$work/tmpfs/"
for codec in zstd:3 zstd:15 zlib:9 zlib lzo none; do
	rm -rf "$dst/tmpfs"
	copy --compress $codec "$work/tmpfs" "$dst/tmpfs"
	same_facts "$work/tmpfs" "$dst/tmpfs"
	drop_caches "$dst"
	cmp "$dst/tmpfs/text" "$tree/text" && cmp "$dst/tmpfs/sparse" "$tree/sparse" || fail "contents"
	if [ $codec = none ]; then
		[ "$(reported compressed)" -eq 0 ] || fail "compressed nevertheless"
	else
		all_encoded "$dst/tmpfs/text" || fail "$codec: text is not compressed"
		all_encoded "$dst/tmpfs/noise" && fail "$codec: noise is compressed"
	fi
done
for codec in zstd:0 zstd:16 zlib:10 lzo:1 lz4 '' zstd: zstd:x; do
	"$extentctl" copy --compress "$codec" "$tree/small" "$dst/x" 2>/dev/null
	[ $? -eq 2 ] || fail "--compress $codec should be refused"
done
copy "$tree/text" "$tree/sparse" "$work/tmpfs/" # and to where nothing can be encoded
cmp "$work/tmpfs/text" "$tree/text" || fail "contents on tmpfs"
[ "$(reported encoded)" -eq 0 ] || fail "encoded on tmpfs?"

say "without the privilege"
install -d -o 1000 -g 1000 "$dst/user"
as_user 1000 "$extentctl" copy "$tree/text" "$tree/small" "$tree/symlink" "$dst/user/" 2>"$work/errors" ||
	fail "$(cat "$work/errors")"
grep -q "writes decoded" "$work/errors" || fail "did not say that it writes decoded"
cmp "$tree/text" "$dst/user/text" || fail "contents"
[ "$(stat -c '%u %Y' "$dst/user/text")" = "1000 $(stat -c %Y "$tree/text")" ] || fail "metadata"

say "the log of acknowledgements"
rm -rf "$dst/logged"
copy --ack-log "$work/log" "$tree" "$dst/logged"
grep -qF "0 9 $dst/logged/strange\\012name \\134 x" "$work/log" || fail "no or wrong line for the strange name"
grep -vqE '^[0-9]+ [0-9]+ .+$' "$work/log" && fail "a line that is no line"
# Every byte of data is there once.
for file in bookend plain/data inline small; do # "text" has two names
	[ "$(grep " $dst/logged/$file\$" "$work/log" | awk '{n += $2} END {print n}')" = \
		"$(stat -c %s "$tree/$file")" ] || fail "the log does not cover $file"
done

say "a daemon that runs"
start_extentd
before=$(descriptors)
copy "$tree" "$dst/served"
same_facts "$tree" "$dst/served"
[ "$(reported private_daemon)" = false ] || fail "started a private daemon"
grep -q '"sessions": 2' <<<"$("$extentctl" status --json)" || fail "status: $("$extentctl" status --json)"
same_descriptors "$before"
stop_extentd || exit 1
fails_with "extentd" "$extentctl" copy --socket "$work/none" "$tree/small" "$dst/x"
unset EXTENTD_SOCKET

say "nodatacow"
mkdir "$dst/cow" && chattr +C "$dst/cow"
fails_with "nodatacow" "$extentctl" copy "$tree/text" "$dst/cow/"
copy --nodatacow "$tree/text" "$dst/cow/"
cmp "$tree/text" "$dst/cow/text" || fail "contents"

say "a full filesystem"
make_btrfs tight 128M
head -c 140M /dev/urandom >"$src/big"
fails_with "No space left" "$extentctl" copy -q "$src/big" "$tight/"

say "random trees"
for seed in ${COPY_SEEDS:-1001 1002 1003}; do
	rm -rf "$src/random" "$dst/random" "$dst/random-cp"
	mkdir "$src/random" && "$generate" "$seed" 400 "$src/random" >"$work/seed" || fail "$(cat "$work/seed")"
	sync -f "$src"
	copy "$src/random" "$dst/random"
	cp -a "$src/random" "$dst/random-cp"
	for tree in random random-cp; do
		"$manifest" "$dst/$tree" | grep -v ' extent ' | sed -E 's/ atime [0-9.]+//' >"$work/$tree"
	done
	diff "$work/random-cp" "$work/random" >"$work/diff" ||
		fail "seed $seed: $(head -n 6 "$work/diff")"
done
