#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# READ gives every kind of extent, with each backend, through the arena and behind the answer.
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentd
make_btrfs mnt 768M compress=zstd
check=$build/tests/read/extent-read-check
text() { seq "$1" 400000 | head -c "$2"; }

text 1 1000000 >"$mnt/zstd"
for codec in zlib lzo; do
	: >"$mnt/$codec"
	btrfs property set "$mnt/$codec" compression $codec
	text 7 700001 >"$mnt/$codec"
done
head -c 500000 /dev/urandom >"$mnt/noise"
text 1 1500 >"$mnt/inline"
printf x >"$mnt/byte"
: >"$mnt/empty"
truncate -s 200M "$mnt/sparse"
text 5 200000 | dd of="$mnt/sparse" bs=4096 seek=1000 conv=notrunc status=none
fallocate -l 300000 "$mnt/prealloc"
text 3 9000 | dd of="$mnt/prealloc" bs=4096 seek=10 conv=notrunc status=none
touch "$mnt/nocow" && chattr +C "$mnt/nocow"
text 2 300000 >"$mnt/nocow"
dd if=/dev/zero of="$mnt/zeros" bs=4096 count=40 status=none
text 9 131072 >"$mnt/bookend"
sync -f "$mnt"
printf middle | dd of="$mnt/bookend" bs=4096 seek=4 conv=notrunc status=none
sync -f "$mnt"

counted() { # KIND FILE: how many extents of that kind were said
	grep -c "^$1 " "$work/$2.said"
}

read_all() { # extent-read-check's options
	local name

	for name in zstd zlib lzo noise inline byte empty sparse prealloc nocow zeros bookend; do
		"$check" "$@" "$mnt/$name" >"$work/$name.said" || fail "$name $*: $(cat "$work/$name.said")"
		[ "$(tail -n 1 "$work/$name.said" | cut -d' ' -f1)" = end ] || fail "$name: no end"
	done
}

for backend in uring ioctl; do
	start_extentd --backend $backend
	before=$(descriptors)
	for how in arena inline; do
		if [ $how = inline ]; then # as over a forwarded socket, where paths it must be
			export EXTENTD_NO_DESCRIPTORS=1
			stop_extentd || exit 1
			printf '[Access]\nRoot=%s\n' "$mnt" >"$work/extentd.conf"
			start_extentd --backend $backend
			before=$(descriptors)
			read_all --path --depth 8
		else
			read_all
			read_all --depth 20
		fi
		for name in zstd zlib lzo inline; do
			[ "$(counted plain $name)" -eq 0 ] || fail "$name was decoded: $(cat "$work/$name.said")"
		done
		[ "$(counted encoded zstd)" -eq 8 ] || fail "zstd: $(cat "$work/zstd.said")"
		grep -q '^encoded 0 1500 1500 2 ' "$work/inline.said" || fail "inline: $(cat "$work/inline.said")"
		[ "$(counted encoded noise)" -eq 0 ] || fail "noise: $(cat "$work/noise.said")"
		grep -q '^hole 0 4096000 ' "$work/sparse.said" || fail "sparse: $(cat "$work/sparse.said")"
		[ "$(counted hole sparse)" -eq 2 ] || fail "sparse: $(cat "$work/sparse.said")"
		grep -q '^hole 0 40960 ' "$work/prealloc.said" || fail "prealloc: $(cat "$work/prealloc.said")"
		[ "$(counted hole nocow)" -eq 0 ] || fail "nocow: $(cat "$work/nocow.said")"
		# Of an extent that is shown in part, the content and not the extent.
		[ "$(counted encoded bookend)" -eq 0 ] || fail "bookend: $(cat "$work/bookend.said")"
		unset EXTENTD_NO_DESCRIPTORS
		rm -f "$work/extentd.conf"
	done
	same_descriptors "$before"

	# More than the room that is given; less room for what is not compressed.
	fails_with READ_ROOM "$check" --path --room 4096 "$mnt/zstd"
	read_room=$("$check" --path --room 4096 "$mnt/noise" | grep -c '^plain') || fail "noise in small pieces"
	[ "$read_room" -eq 123 ] || fail "noise in $read_room pieces"

	# Offsets: inside an extent, at the end, far behind it, and none.
	grep -q '^plain 4096 126976 ' <<<"$("$check" --path --at 4096 "$mnt/zstd")" || fail "inside an extent"
	grep -q '^end ' <<<"$("$check" --path --at 1000000 "$mnt/zstd")" || fail "at the end"
	grep -q '^end ' <<<"$("$check" --path --at 0x7fffffffffffffff "$mnt/zstd")" || fail "2^63 - 1"
	fails_with FILE_SIZE "$check" --path --at 0x8000000000000000 "$mnt/zstd"
	fails_with FILE_SIZE "$check" --path --at 0xffffffffffffffff "$mnt/zstd"
	stop_extentd || exit 1
done

# Where nothing can be read encoded, all is content.
printf '[Access]\nRoot=%s\n' "$mnt" >"$work/extentd.conf"
start_extentd --backend decode
for name in zstd noise sparse prealloc bookend empty; do
	"$check" "$mnt/$name" >"$work/$name.said" || fail "$name by content"
	[ "$(counted encoded $name)" -eq 0 ] || fail "$name: $(cat "$work/$name.said")"
done
[ "$(counted hole sparse)" -eq 2 ] || fail "sparse: $(cat "$work/sparse.said")"
