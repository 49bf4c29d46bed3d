# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A real tree, what happens to real trees, and whether two are the same:
#
#	make_tree DIR			part of Python's library, large files, and one of everything else
#	change_tree DIR NUMBER		some files of each kind: changed, grown, moved, gone, new
#	same_tree ORIGINAL COPY		contents, metadata, compression, holes

make_tree() {
	local library

	library=$(python3 -c 'import sysconfig; print(sysconfig.get_paths()["stdlib"])') || fail "no python"
	cp -r "$library"/{asyncio,email,json,encodings,[a-d]*.py} "$1/" || fail "no room for a tree"
	find "$1" -name '*.pyc' -delete
	cat "$1"/*.py "$1"/*/*.py >"$1/joined" # some megabytes that compress
	head -c 3000000 /dev/urandom >"$1/random"
	truncate -s 8M "$1/sparse"
	dd if="$1/joined" of="$1/sparse" bs=64k seek=40 count=3 conv=notrunc status=none
	ln "$1/joined" "$1/joined.link"
	ln -s joined "$1/joined.symlink"
	mkfifo "$1/fifo"
	mknod "$1/null" c 1 3
	chown 1234:4321 "$1/random"
	chmod 6755 "$1/joined"
	setfattr -n user.test -v "value" "$1/random"
	setfattr -n trusted.test -v 0x00010203ff "$1"
	setcap cap_net_raw+ep "$1/random" 2>/dev/null
	setfacl -m u:1234:r "$1/sparse" 2>/dev/null
	cp --reflink=always "$1/random" "$1/random.clone"
	touch -d '2001-02-03 04:05:06.789' "$1/joined"
	mkdir "$1/with
newline"
}

change_tree() {
	local dir=$1 n=$2

	dd if=/dev/zero of="$dir/joined" bs=4k seek=$((n * 20)) count=2 conv=notrunc status=none
	echo "line $n" >>"$dir/abc.py"
	truncate -s $((1500000 + n * 4097)) "$dir/random"
	cat "$dir"/a*.py "$dir"/b*.py >"$dir/new.$n"
	mv "$dir/json" "$dir/json.was" && mkdir "$dir/json" && mv "$dir/json.was" "$dir/json/$n"
	rm -f "$dir/base64.py" "$dir/fifo"
	[ ! -e "$dir/email" ] || mv "$dir/email" "$dir/email.$n"
	fallocate --punch-hole --offset $((65536 * n)) --length 65536 "$dir/joined"
	setfattr -n user.test -v "value $n" "$dir/random"
	ln -sf "new.$n" "$dir/joined.symlink"
	chmod 700 "$dir/asyncio"
}

# Which blocks are shared is the source's business; and where small files lie is either side's.
manifest() {
	(cd "$1" && "$build/tests/stream/tree-manifest" -s .) >"$2.raw" || fail "no manifest of $1"
	sed -E '/ extent /s/ [0-9]+:.*@[0-9]+$//' "$2.raw" >"$2"
	[ -s "$2" ] || fail "the manifest of $1 is empty"
}

same_tree() {
	manifest "$1" "$work/original.manifest"
	manifest "$2" "$work/copy.manifest"
	diff -a "$work/original.manifest" "$work/copy.manifest" >"$work/manifest.diff" || {
		head -n 20 "$work/manifest.diff"
		fail "$2 differs from $1"
	}
}
