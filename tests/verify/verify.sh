#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# extentctl verify: finds each kind of difference and no other, directly, through the daemon, without
# either, and by a list of digests.
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentd extentctl command setpriv
make_btrfs a 512M compress=zstd
make_btrfs b 512M compress=zstd
make_btrfs plain 512M
alice=4242
text() { seq "$1" 400000 | head -c "$2"; }

# A tree with every kind of content and entry, and a copy as extentctl makes it.
mkdir "$a/src" "$a/src/dir" "$a/src/dir/deep" "$a/src/empty"
text 1 1000000 >"$a/src/text"
text 2 131072 >"$a/src/dir/whole"
head -c 300001 /dev/urandom >"$a/src/dir/noise"
text 3 1500 >"$a/src/dir/inline"
: >"$a/src/dir/deep/nothing"
truncate -s 50M "$a/src/sparse"
text 4 200000 | dd of="$a/src/sparse" bs=4096 seek=1000 conv=notrunc status=none
fallocate -l 300000 "$a/src/reserved"
text 5 131072 >"$a/src/bookend"
sync -f "$a"
printf middle | dd of="$a/src/bookend" bs=4096 seek=4 conv=notrunc status=none
ln -s dir/whole "$a/src/link"
ln -s / "$a/src/out"
mkfifo "$a/src/fifo"
mknod "$a/src/device" c 1 3
printf x >"$a/src/$(printf 'a name\n\\with \001 everything')"
sync -f "$a"
start_extentd
"$extentctl" copy -q -T "$a/src" "$b/copy" || fail "copy"
cp -a "$a/src" "$plain/copy"
chown -R $alice "$a/src" "$b/copy" "$plain/copy"
chmod 755 "$a" "$b" "$plain" "$work"
printf '[Access]\nUsers=root %s\n' $alice >"$work/extentd.conf"
kill -HUP "$daemon_pid"
wait_for 20 grep -q 'read again' "$daemon_log" || fail "SIGHUP"
drop_caches "$b"

number() { sed -n "s/.*\"$1\": \\([0-9]*\\).*/\\1/p" "$work/report"; }

equal() { # HOW, then a command
	local how=$1

	shift
	"$@" --json >"$work/report" 2>"$work/errors" || fail "$how: $(cat "$work/report" "$work/errors")"
	[ "$(number differences)" = 0 ] || fail "$how: $(cat "$work/report")"
	[ "$(number files)" = 9 ] || fail "$how: $(number files) files"
	[ "$(number bytes)" = $((1000000 + 131072 + 300001 + 1500 + 52428800 + 300000 + 131072 + 1)) ] ||
		fail "$how: $(number bytes) bytes"
}

list=$work/list
equal directly "$extentctl" verify "$a/src" "$b/copy"
[ "$(number extents_same)" -gt 10 ] || fail "nothing was compared as it is stored: $(cat "$work/report")"
equal "stored differently" "$extentctl" verify "$a/src" "$plain/copy"
[ "$(number extents_content)" -gt 10 ] || fail "nothing was compared by content: $(cat "$work/report")"
equal "through the daemon" as_user $alice env EXTENTD_SOCKET="$socket" "$extentctl" verify "$a/src" "$b/copy"
[ "$(number extents_same)" -gt 10 ] || fail "nothing was read encoded: $(cat "$work/report")"
[ "$("$extentctl" status | awk '/extents read as they lie/ { print $1 }')" -gt 10 ] || fail "the daemon read nothing"
equal "without daemon" as_user $alice env EXTENTD_SOCKET=/nonexistent "$extentctl" verify "$a/src" "$b/copy"

"$extentctl" verify -q --digest-out "$list" "$a/src" || fail "a list"
equal "by a list" "$extentctl" verify --digest "$list" "$b/copy"
as_user $alice env EXTENTD_SOCKET="$socket" "$extentctl" verify -q --digest-out - "$a/src" >"$work/list.daemon" ||
	fail "a list through the daemon"
equal "by such a list" "$extentctl" verify --digest "$work/list.daemon" "$b/copy"
"$extentctl" verify -q --content --digest-out "$work/list.content" "$a/src" || fail "a list with content"
equal "by content" "$extentctl" verify --digest - "$plain/copy" <"$work/list.content"
"$extentctl" verify --digest "$list" "$plain/copy" >"$work/said" 2>&1
[ $? -eq 1 ] || fail "a list without content against another layout: $(cat "$work/said")"
grep -q '^unknown  0 131072 text' "$work/said" || fail "not unknown: $(cat "$work/said")"
grep -q 'make the list with --content' "$work/said" || fail "no advice: $(cat "$work/said")"
! grep -q '^content' "$work/said" || fail "unknown is not different: $(cat "$work/said")"
# A file by itself.
"$extentctl" verify -q "$a/src/text" "$b/copy/text" || fail "two files"

users=user # for the first few
# Each kind of difference is found, named, and is the only one.
differs() { # EXPECTED LINE, PATH, command...
	local expected=$1 path=$2 how

	shift 2
	rm -rf "$b/work" && cp -a --reflink=always "$b/copy" "$b/work" && sync -f "$b"
	(cd "$b/work" && "$@") || fail "$*"
	sync -f "$b"
	for how in trees list $users; do
		case $how in
		trees) "$extentctl" verify "$a/src" "$b/work" ;;
		list) "$extentctl" verify --digest "$list" "$b/work" ;;
		user) as_user $alice env EXTENTD_SOCKET="$socket" "$extentctl" verify "$a/src" "$b/work" ;;
		esac >"$work/said" 2>"$work/errors"
		[ $? -eq 1 ] || fail "$expected, $how: not found: $(cat "$work/said" "$work/errors")"
		if [ $how = list ] && [[ $expected == content* ]]; then # what it can tell
			grep -qE "^(content|unknown|size) .* $path\$" "$work/said" ||
				fail "$expected, $how: $(cat "$work/said")"
		else
			grep -qxE "$expected" "$work/said" || fail "$expected, $how: $(cat "$work/said" "$work/errors")"
		fi
		! grep -vE " $path\$" "$work/said" || fail "$expected, $how: more than that: $(cat "$work/said")"
	done
}

patch() { printf '%s' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
differs 'content +500000 3 text' text patch text 500000 ABC
differs 'content +7 1 dir/whole' dir/whole patch dir/whole 7 Z
differs 'content +300000 1 dir/noise' dir/noise patch dir/noise 300000 "$(printf '\377')x"
users=
differs 'content +1000000 1 sparse' sparse patch sparse 1000000 1
differs 'content +100 1 reserved' reserved patch reserved 100 1
differs 'size +1000000 999999 text' text truncate -s 999999 text
differs 'size +1000000 1000001 text' text truncate -s 1000001 text
differs 'size +0 1 dir/deep/nothing' dir/deep/nothing patch dir/deep/nothing 0 x
differs 'missing +dir/inline' dir/inline rm dir/inline
differs 'missing +empty' empty rmdir empty
differs 'extra +dir/new' dir/new mkdir -p dir/new/below
differs 'target +link' link ln -sfn dir/inline link
differs 'type +fifo' fifo sh -c 'rm fifo && : >fifo'
differs 'type +empty' empty sh -c 'rmdir empty && ln -s dir empty'
# The same size, times and everything, but not the same.
differs 'content +[0-9]+ [0-9]+ dir/noise' dir/noise sh -c 'head -c 300001 /dev/urandom >dir/noise'

# Lists that are no lists, or want out.
bad_list() { # SAYS
	"$extentctl" verify --digest "$work/bad" "$b/copy" >"$work/said" 2>&1
	[ $? -eq "$2" ] || fail "$1: status, $(cat "$work/said")"
	grep -qE "$1" "$work/said" || fail "$1: $(cat "$work/said")"
}
head -n 12 "$list" >"$work/bad" && bad_list 'line 12.* incomplete' 4
sed '$d' "$list" >"$work/bad" && bad_list 'incomplete' 4
printf 'hello\n' >"$work/bad" && bad_list 'line 1' 4
: >"$work/bad" && bad_list 'incomplete' 4
sed 's/^\(P [0-9]*\) [0-9]*/\1 18446744073709551615/' "$list" >"$work/bad" && bad_list 'no list' 4
sed 's/^E 131072/E 131073/' "$list" >"$work/bad" && bad_list 'no list' 4
printf 'extentd-digests 1\nF 5 ../../../etc/passwd\nP 0 5 %032d\n. 1\n' 0 >"$work/bad"
bad_list 'cannot be looked at' 1
printf 'extentd-digests 1\nF 5 out/etc/passwd\nP 0 5 %032d\n. 1\n' 0 >"$work/bad"
bad_list 'missing +out/etc/passwd' 1
printf 'extentd-digests 1\nF 9223372036854775807 text\nH 0 9223372036854775807\n. 1\n' >"$work/bad"
bad_list 'size +9223372036854775807 1000000 text' 1
head -c 4096 /dev/urandom >"$work/bad" && bad_list 'no list' 4

fails_with "SRC and DST" "$extentctl" verify "$a/src"
fails_with "SRC and DST" "$extentctl" verify --content "$a/src" "$b/copy"
fails_with "cannot be opened" "$extentctl" verify "$a/src" "$b/none"
fails_with "No such file" "$extentctl" verify --digest "$work/none" "$b/copy"
