#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The three backends give the same bytes, and what can be stored as it comes is.
. "$(dirname "$0")/lib.sh"
requires root btrfs uring extentd command filefrag
make_btrfs mnt 1G

# What one file goes through. Each line is a session of its own.
write_all() {
	local file=$1 mirror=$2

	# All compressions, whole extents, in one file, pipelined; a tail that ends inside a sector.
	"$poke" "fd:$file.all:create" "mirror:$mirror.all" \
		write:0:131072:zlib:1 write:131072:131072:zstd:2 write:262144:131072:lzo:3 \
		write:393216:131072:none:4 write:524288:65536:zstd:5 write:589824:4097:zlib:6
	# One that fits into the metadata (inline), in each compression.
	"$poke" "fd:$file.zlib:create" "mirror:$mirror.zlib" write:0:1500:zlib:7
	"$poke" "fd:$file.zstd:create" "mirror:$mirror.zstd" write:0:1500:zstd:8
	"$poke" "fd:$file.lzo:create" "mirror:$mirror.lzo" write:0:1500:lzo:99
	# Bookends: parts of an extent, the first, the middle, the end of it.
	"$poke" "fd:$file.book:create" "mirror:$mirror.book" \
		part:0:8192:zstd:10:131072:0 part:8192:40960:zlib:11:131072:4096 \
		part:49152:4096:lzo:12:131072:126976 part:53248:1000:zstd:13:65536:4096
	# A hole in front, one in the middle, the end written before the beginning.
	"$poke" "fd:$file.hole:create" "mirror:$mirror.hole" \
		write:1048576:131072:zstd:14 write:131072:131072:zlib:15 sync write:524288:4096:zstd:16
	# Overlaps: in request order, whatever is in flight; over compressed and over plain data.
	"$poke" "fd:$file.over:create" "mirror:$mirror.over" \
		write:0:131072:zstd:17 write:65536:131072:zlib:18 write:65536:131072:lzo:19 \
		write:0:131072:none:20 write:4096:65536:zstd:21 write:4096:4096:zlib:22:written \
		write:8192:131072:zstd:23:accepted sync write:0:131072:zlib:24
	# Many in flight, acknowledged at each level.
	"$poke" "fd:$file.fill:create" "mirror:$mirror.fill" \
		fill:0:100:zstd:100:durable fill:13107200:100:zlib:200:written \
		fill:26214400:100:lzo:300:accepted sync
	# Behind a plain write by the client itself.
	"$poke" "fd:$file.mixed:create" "mirror:$mirror.mixed" write:0:131072:none:25 \
		plain:0:131072:26 drain write:0:131072:zstd:27 sync-session
}

for backend in uring ioctl decode; do
	mkdir "$mnt/$backend" "$work/$backend"
	start_extentd --backend $backend
	before=$(descriptors)
	write_all "$mnt/$backend/f" "$work/$backend/f" >"$work/$backend.said" ||
		fail "$backend: $(grep -v '^write' "$work/$backend.said")"
	same_descriptors "$before"
	"$poke" status >"$work/$backend.status"
	stop_extentd || exit 1
done

drop_caches "$mnt"
for mirror in "$work"/uring/f.*; do
	name=${mirror##*/}
	for backend in uring ioctl decode; do
		cmp "$mnt/$backend/$name" "$work/$backend/$name" || fail "$backend, $name: other bytes"
		cmp "$mnt/uring/$name" "$mnt/$backend/$name" || fail "$backend differs from uring in $name"
	done
done

# The same acknowledgements but for the form, whatever their order.
for backend in uring ioctl decode; do
	sed 's/ \(encoded\|decoded\|plain\)$//' "$work/$backend.said" | sort >"$work/$backend.sorted"
	diff "$work/uring.sorted" "$work/$backend.sorted" || fail "$backend acknowledges otherwise"
done
grep -q ' decoded$' "$work/uring.said" "$work/ioctl.said" && fail "something was decompressed for no reason"
grep -q ' encoded$' "$work/decode.said" && fail "decode wrote something encoded"

for backend in uring ioctl; do
	for name in zlib zstd lzo fill book; do
		all_encoded "$mnt/$backend/f.$name" || fail "$backend, $name: not encoded: $(filefrag -v "$mnt/$backend/f.$name")"
	done
done
all_encoded "$mnt/decode/f.fill" && fail "all_encoded cannot tell"
grep -q '^engine_uring 1' "$work/uring.status" || fail "uring was not used"
grep -q '^engine_uring 0' "$work/ioctl.status" || fail "ioctl used the ring"
for backend in uring ioctl decode; do
	grep -q '^lost 0$' "$work/$backend.status" || fail "$backend lost something"
done
exit 0
