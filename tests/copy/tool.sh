#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# extentctl beside copying: probe, status, daemons that are not there or go away, terminals.
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentd extentctl command python3 command script

make_btrfs src 512M compress=zstd
make_btrfs dst 1G
value() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

say "probe"
[ "$("$extentctl" probe --json "$dst" | value filesystem)" = btrfs ] || fail "filesystem"
case $("$extentctl" probe --json "$dst" | value backend) in
uring | ioctl) ;;
*) fail "backend: $("$extentctl" probe "$dst")" ;;
esac
[ -z "$(ls -A "$dst")" ] || fail "probe left something behind"
[ "$("$extentctl" probe --json /dev/shm | value backend)" = decode ] || fail "tmpfs"
[ "$(as_user 1000 "$extentctl" probe --json "$dst" | value backend)" = decode ] || fail "unprivileged"
grep -q 'not without CAP_SYS_ADMIN' <<<"$(as_user 1000 "$extentctl" probe "$dst")" || fail "privilege"
mkdir "$dst/cow" "$dst/zlib" && chattr +C "$dst/cow" && btrfs property set "$dst/zlib" compression zlib
[ "$("$extentctl" probe --json "$dst/cow" | value nodatacow)" = True ] || fail "nodatacow"
[ "$("$extentctl" probe --json "$dst/zlib" | value compression)" = zlib ] || fail "property"
fails_with "No such file" "$extentctl" probe "$dst/none"
"$extentctl" probe 2>/dev/null
[ $? -eq 2 ] || fail "probe without a path"
"$extentctl" unknown 2>/dev/null
[ $? -eq 2 ] || fail "an unknown command"

say "status"
"$extentctl" status --socket "$work/none" 2>/dev/null
[ $? -eq 3 ] || fail "status without a daemon"
start_extentd
[ "$("$extentctl" status --json | value now_sessions)" = 1 ] || fail "status"
grep -q "sessions connected" <<<"$("$extentctl" status)" || fail "the table"
timeout 3 "$extentctl" status --watch >"$work/watch"
[ "$(grep -c "sessions connected" "$work/watch")" -ge 2 ] || fail "--watch"
[ "$("$extentctl" probe --json "$dst" | value daemon)" = True ] || fail "probe does not see the daemon"

say "a daemon that goes away"
yes "some text that repeats" | head -c 300M >"$src/large"
sync -f "$src"
"$extentctl" copy -q "$src/large" "$dst/" 2>"$work/errors" &
copy=$!
wait_for 10 test -s "$dst/large" || fail "the copy does not begin"
crash_extentd
wait "$copy"
status=$?
[ $status -eq 3 ] || fail "exit code $status: $(cat "$work/errors")"
[ "$(wc -l <"$work/errors")" -le 3 ] || fail "more than it takes to say it: $(head -n 5 "$work/errors")"

say "a private daemon that is none"
unset EXTENTD_SOCKET
EXTENTD=/nonexistent "$extentctl" copy --private -q "$src/large" "$dst/" 2>"$work/errors"
[ $? -eq 3 ] || fail "exit code"
grep -q "/nonexistent cannot be started" "$work/errors" || fail "$(cat "$work/errors")"

say "terminals"
rm -f "$dst/large"
terminal() { TERM=xterm script -qec "$*" /dev/null </dev/null >"$work/screen" 2>&1; }
terminal "$extentctl copy --private $src/large $dst/" || fail "$(cat "$work/screen")"
grep -q ' files  ' "$work/screen" || fail "no progress on a terminal: $(cat -v "$work/screen")"
grep -q $'\033\[36m' "$work/screen" || fail "no colors"
NO_COLOR=1 terminal "$extentctl copy --private $src/large $dst/"
grep -q ' files  ' "$work/screen" || fail "no progress without colors"
grep -q $'\033\[' "$work/screen" && fail "colors in spite of NO_COLOR"
terminal "$extentctl copy --quiet --private $src/large $dst/"
[ -s "$work/screen" ] && fail "not quiet: $(cat -v "$work/screen")"
"$extentctl" copy "$src/large" "$dst/" 2>"$work/screen"
grep -q $'\r' "$work/screen" && fail "progress into a file"
cmp "$src/large" "$dst/large" || fail "contents"

say "bounded"
mkdir "$src/many" && for i in $(seq 3000); do echo "$i" >"$src/many/$i"; done
yes "compressible" | head -c 3000 >"$src/many/some" && for i in $(seq 1500); do cp "$src/many/some" "$src/many/s$i"; done
sync -f "$src"
(ulimit -n 128 && "$extentctl" copy -q "$src/many" "$dst/few") || fail "with 128 descriptors"
diff -r "$src/many" "$dst/few" || fail "contents"
