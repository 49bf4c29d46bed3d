#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is proved by looking at the disk: rewritten ranges, and plain writes through descriptors that
# the daemon cannot open again. Nothing good may be called lost, and nothing changed may be called
# durable. On two mounts: one where the kernel leaves plain data plain, one where it compresses it.
. "$(dirname "$0")/lib.sh"
requires root btrfs extentd
make_btrfs plain 512M
make_btrfs packed 512M compress-force=zstd
start_extentd
before=$(descriptors)

# old FILE MODE [BYTES]: something is there already, and the daemon, which has no CAP_DAC_OVERRIDE,
# may open the file only as its mode says
old() {
	rm -f "$1" "$work/mirror"
	head -c "${3:-400000}" /dev/urandom >"$1"
	cp "$1" "$work/mirror"
	sync "$1"
	chmod "$2" "$1"
}

equal() { # FILE WHAT
	dd if="$1" iflag=nocache count=0 status=none # as read from the disk
	cmp "$1" "$work/mirror" || fail "$2: other bytes"
}

for mnt in "$plain" "$packed"; do
	f=$mnt/file
	for mode in 600 444 200 000; do
		for ack in durable written; do
			what="mode $mode, $ack"
			old "$f" $mode
			"$poke" "fd:$f" "mirror:$work/mirror" write:0:131072:zstd:1:$ack write:131072:131072:none:2:$ack \
				write:262144:5000:none:3:$ack write:300000:777:none:4:$ack write:524288:131072:none:5:$ack \
				write:655360:100:none:6:$ack sync >"$work/said" || fail "$what: $(cat "$work/said")"
			equal "$f" "$what"
		done
		# What the peer changes between the write and the settle is not what was written.
		old "$f" $mode
		if [ $mode = 000 ]; then
			fails_with LOST "$poke" "fd:$f" write:0:131072:none:1:written drain plain:4096:4096:9 sync
			fails_with LOST "$poke" "fd:$f" write:0:1000:none:1:written drain plain:999:1:9 sync-session
		fi
		fails_with LOST "$poke" "fd:$f" write:0:131072:zstd:1:written drain plain:4096:4096:9 sync
	done

	# Descriptors that are only for writing, to files that can be opened again for reading, for
	# writing, not at all: what is behind the end needs no reading back.
	for mode in 444 200; do
		old "$f" $mode
		"$poke" "fd:$f:wo" "mirror:$work/mirror" write:0:131072:none:1 write:524288:131072:zstd:2 sync >"$work/said" ||
			fail "mode $mode, only for writing: $(cat "$work/said")"
		equal "$f" "mode $mode, only for writing"
	done
	old "$f" 000
	"$poke" "fd:$f:wo" "mirror:$work/mirror" write:524288:131072:zstd:1 write:655360:100:none:2 sync >"$work/said" ||
		fail "only for writing, behind the end: $(cat "$work/said")"
	equal "$f" "only for writing, behind the end"
	fails_with SHARED_ERRORS "$poke" "fd:$f:wo" write:0:131072:none:1
	fails_with UNVERIFIABLE "$poke" "fd:$f:wo" write:0:131072:zstd:1

	# btrfs writes an inline extent, and the last sector of any other, anew when the file grows. Same
	# content in another form: not lost.
	for ack in sync sync-session; do
		for n in 700 4095 4096 131071; do
			old "$f" 600 $n
			truncate -s 0 "$work/mirror"
			"$poke" "fd:$f" "mirror:$work/mirror" write:0:$n:zstd:$n:written drain plain:400000:100:7 \
				$ack >"$work/said" || fail "$n bytes, then growth: $(cat "$work/said")"
			grep -q " written encoded" "$work/said" || fail "$n bytes: $(cat "$work/said")"
			cmp -n "$n" "$f" "$work/mirror" || fail "$n bytes, then growth: other bytes"
			# But other content is.
			old "$f" 600 $n
			fails_with LOST "$poke" "fd:$f" write:0:$n:zstd:$n:written drain plain:10:1:8 plain:400000:100:7 $ack
		done
	done
done

# Where there was nothing before, plain zeros are what a lost extent would read as, whoever has stored
# them; plain data that is not zeros is somebody else's, and later.
for ack in sync sync-session; do
	rm -f "$plain/fresh"
	fails_with LOST "$poke" "fd:$plain/fresh:create" write:0:131072:zstd:1:written drain plain:0:131072:0 $ack
	rm -f "$plain/fresh"
	"$poke" "fd:$plain/fresh:create" write:0:131072:zstd:1:written drain plain:0:131072:9 $ack >"$work/said" ||
		fail "fresh, and overwritten: $(cat "$work/said")"
done

# What nobody asked to have durable is looked at after some seconds all the same, and not synced. Then
# a SYNC syncs.
counter() { "$poke" status | awk -v name="$1" '$1 == name { print $2 }'; }
lazy=$(counter settles_lazy) synced=$(counter settles_filesystem) durable=$(counter durable)
more_lazy() { [ "$(counter settles_lazy)" -gt "$lazy" ]; }
old "$plain/lazy" 600
cp "$plain/lazy" "$plain/changed"
sync "$plain/changed"
"$poke" "fd:$plain/changed" write:0:131072:zstd:5:written drain plain:4096:4096:9 sleep:120000 >"$work/changed" &
pids=$!
"$poke" "fd:$plain/lazy" write:0:131072:zstd:1:written write:131072:131072:none:2:written \
	write:524288:131072:zstd:3:written write:655360:100:none:4:written drain sleep:120000 >"$work/said" &
pids+=" $!"
wait_for 60 grep -q 'changed: 131072 bytes at offset 0 did not reach' "$daemon_log" || fail "a loss that nobody asks for is not seen"
wait_for 60 more_lazy || fail "no lazy settle"
[ "$(counter settles_filesystem) $(counter durable)" = "$synced $durable" ] || fail "synced, and nobody had asked"
! grep -q 'lazy: .* did not reach' "$daemon_log" || fail "a lazy settle lost something: $(tail -3 "$daemon_log")"
# shellcheck disable=SC2086
kill $pids
"$poke" "fd:$plain/lazy" write:0:131072:zstd:6:written sync-session >/dev/null || fail "sync after a lazy settle"
[ "$(counter settles_filesystem)" -gt "$synced" ] || fail "a SYNC did not sync"
same_descriptors "$before"
