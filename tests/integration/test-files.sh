#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Descriptors that are not what they should be, at OPEN and later, are refused by name.
. "$(dirname "$0")/lib.sh"
requires root btrfs extentd command chattr
make_btrfs mnt 512M
start_extentd
before=$(descriptors)

w=write:0:131072:zstd:1
fails_with APPEND "$poke" "fd:$mnt/append:create,append" $w
fails_with NOT_WRITABLE "$poke" "fd:$mnt/append:ro" $w
fails_with NOT_WRITABLE "$poke" "fd:$mnt/append:path" $w
fails_with NOT_WRITABLE "$poke" "fd:$mnt:ro" $w # a directory opens no other way
mkfifo "$mnt/fifo"
fails_with NOT_REGULAR "$poke" "fd:$mnt/fifo" $w
fails_with NOT_REGULAR "$poke" "fd:/dev/null" $w
for mode in 4755 2755; do
	: >"$mnt/privileged" && chmod $mode "$mnt/privileged"
	fails_with PRIVILEGED_FILE "$poke" "fd:$mnt/privileged" $w
	[ "$(stat -c %a "$mnt/privileged")" = $mode ] || fail "the refused file's mode changed"
	[ ! -s "$mnt/privileged" ] || fail "the refused file was written to"
done

# O_APPEND set behind the daemon's back would make the kernel ignore our offsets. The daemon has
# opened the file again for itself; where it may not, it looks at each write.
"$poke" "fd:$mnt/later:create" "mirror:$work/later" write:0:131072:zstd:1 drain setfl:append \
	write:0:131072:zstd:3 write:131072:4096:zlib:4 sync >/dev/null || fail "O_APPEND set later"
cmp "$mnt/later" "$work/later" || fail "O_APPEND set later: the data is in the wrong place"
chmod 711 "$mnt"
: >"$mnt/foreign" && chmod 600 "$mnt/foreign"
printf '[Access]\nUsers=root 4242\n' >"$work/extentd.conf"
kill -HUP "$daemon_pid"
wait_for 10 grep -q 'read again' "$daemon_log" || fail "SIGHUP"
exec 9<>"$mnt/foreign"
as_user 4242 "$poke" "inherit:9:$mnt/foreign" $w >/dev/null || fail "a descriptor from somebody else is refused"
fails_with APPEND as_user 4242 "$poke" "inherit:9:$mnt/foreign" setfl:append write:131072:131072:zstd:3
exec 9>&-
[ "$(stat -c %s "$mnt/foreign")" = 131072 ] || fail "a write through O_APPEND was made"

"$poke" "fd:$mnt/mode:create" $w drain >/dev/null
output=$("$poke" "fd:$mnt/mode" $w drain mode:4755 $w drain 2>&1)
status=$?
# Either refused, or the bit was stripped as any write by that user would have.
case $status:$output in
1:*PRIVILEGED_FILE*) ;;
0:*) [ "$(stat -c %a "$mnt/mode")" = 755 ] || fail "a setuid file was written and stayed setuid: $output" ;;
*) fail "setuid after OPEN: $output" ;;
esac
fails_with UNLINKED "$poke" "fd:$mnt/gone:create" drain unlink $w

# Overwritten in place, so not durable as promised: only by the weaker level's name.
: >"$mnt/cow" && chattr +C "$mnt/cow"
fails_with NODATACOW "$poke" "fd:$mnt/cow" $w
"$poke" "fd:$mnt/cow:weak" "mirror:$work/cow" $w sync || fail "the weaker level is refused"
drop_caches "$mnt"
cmp "$mnt/cow" "$work/cow" || fail "nodatacow: other bytes"

# And what a file becomes behind OPEN.
nodatacow=0x800000 append=0x20 immutable=0x10
fails_with NODATACOW "$poke" "fd:$mnt/cow.later:create" drain attr:$nodatacow $w
fails_with NODATACOW "$poke" "fd:$mnt/cow.plain:create" drain attr:$nodatacow write:0:131072:none:1
fails_with APPEND "$poke" "fd:$mnt/append.later:create" drain attr:$append $w drain attr:0
fails_with NOT_WRITABLE "$poke" "fd:$mnt/immutable.later:create" drain attr:$immutable $w drain attr:0
[ -z "$(find "$mnt" -name '*.later' -size +0)" ] || fail "a file that became unfit was written to"

# A subvolume that turns read-only under an open descriptor, and one that is.
btrfs -q subvolume create "$mnt/sub"
"$poke" "fd:$mnt/sub/file:create" $w >/dev/null || fail "cannot write into a subvolume"
exec 9<>"$mnt/sub/file"
btrfs property set "$mnt/sub" ro true
exec 9>&-
sum=$(cksum <"$mnt/sub/file")
if "$poke" "fd:$mnt/sub/file" write:0:131072:zstd:9 >/dev/null 2>&1; then
	fail "a read-only subvolume was written to"
fi
[ "$sum" = "$(cksum <"$mnt/sub/file")" ] || fail "a read-only subvolume changed"

# Immutable and append-only by attribute: the kernel refuses to open those for writing.
: >"$mnt/immutable" && chattr +i "$mnt/immutable"
cleanup_fn chattr -i "$mnt/immutable"
fails_with "Operation not permitted" "$poke" "fd:$mnt/immutable" $w

# Types of filesystem that are not on the list.
fails_with FILESYSTEM "$poke" "fd:/proc/self/comm" $w
mkdir "$work/ramfs" && mount -t ramfs none "$work/ramfs" && cleanup_fn umount "$work/ramfs"
fails_with FILESYSTEM "$poke" "fd:$work/ramfs/file:create" $w
[ ! -s "$work/ramfs/file" ] || fail "the refused file was written to"

# A refusal is of one request: the session goes on.
output=$("$poke" "fd:$mnt/fifo" "fd:$mnt/after:create" $w sync 2>&1)
case $output in
*NOT_REGULAR*"durable encoded"*) ;;
*) fail "one refused open ended the session: $output" ;;
esac
# Also on filesystems that store nothing encoded, with the same bytes.
for type in tmpfs ext4; do
	grep -qw $type /proc/filesystems || continue
	if [ $type = tmpfs ]; then
		mkdir "$work/tmpfs" && mount -t tmpfs none "$work/tmpfs" && cleanup_fn umount "$work/tmpfs"
		at=$work/tmpfs
	else
		make_fs ext4 at 64M
	fi
	"$poke" "fd:$at/file:create" "mirror:$work/m.$type" $w write:131072:5000:lzo:2 sync >"$work/said" ||
		fail "$type: $(cat "$work/said")"
	cmp "$at/file" "$work/m.$type" || fail "$type: other bytes"
	grep -q decoded "$work/said" || fail "$type: $(cat "$work/said")"
done
same_descriptors "$before"
