#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# extentctl verify --host says what verify of the same two trees says here, and no content goes through ssh.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/sshd.sh"
requires root btrfs extentd extentctl command ssh command /usr/sbin/sshd command python3
make_btrfs a 512M noatime,compress=zstd
make_btrfs b 512M noatime,compress=zstd
make_btrfs zlib 512M noatime,compress=zlib
make_btrfs plain 512M noatime
make_keys
start_sshd
text() { seq "$1" 900000 | head -c "$2"; }

mkdir -p "$a/src/dir/deep" "$a/src/empty"
text 1 2000000 >"$a/src/text"
text 2 131072 >"$a/src/dir/whole"
{ printf 'a secret that ssh must not carry' && head -c 300001 /dev/urandom; } >"$a/src/dir/noise"
text 3 1500 >"$a/src/dir/deep/inline"
truncate -s 9M "$a/src/sparse"
text 4 200000 | dd of="$a/src/sparse" bs=4096 seek=1000 conv=notrunc status=none
ln -s dir/whole "$a/src/link"
mkfifo "$a/src/fifo"
printf x >"$a/src/$(printf 'a name\n\\with \001 everything \303\274')"
for ((i = 0; i < 60; i++)); do text $i 3000 >"$a/src/dir/deep/$i"; done
sync -f "$a"
"$extentctl" copy -q -T "$a/src" "$b/copy" || fail "copy"
cp -a "$a/src" "$zlib/copy"
cp -a "$a/src" "$plain/copy"
sync -f "$zlib"

# ssh, with what goes either way kept.
cat >"$work/rsh" <<END
#!/bin/bash
tee "$work/sent" | $rsh "\$@" | tee "$work/got"
exit \${PIPESTATUS[1]}
END
chmod +x "$work/rsh"
there() { "$extentctl" verify --host 127.0.0.1 --rsh "$work/rsh" --remote-program "$there" "$@"; }
number() { sed -n "s/.*\"$1\": \\([0-9]*\\).*/\\1/p" "$work/report"; }

# The same verdict, names and places. Of what is not stored alike the other side knows the extent, and here the
# bytes are known: theirs lie within.
cat >"$work/compare.py" <<'END'
import sys
def read(name):
    ranged, others = {}, []
    for line in open(name, errors="surrogateescape"):
        what, rest = line.split(None, 1)
        if what == "content":
            offset, length, path = rest.rstrip("\n").split(" ", 2)
            ranged.setdefault(path, []).append((int(offset), int(offset) + int(length)))
        else:
            others.append(line)
    return ranged, sorted(others)
here, there = read(sys.argv[1]), read(sys.argv[2])
assert here[1] == there[1], (here[1], there[1])
assert here[0].keys() == there[0].keys(), (here[0], there[0])
for path in here[0]:
    for low, high in here[0][path]:
        assert any(l <= low and high <= h for l, h in there[0][path]), (path, here[0], there[0])
    for low, high in there[0][path]:
        assert any(low < h and l < high for l, h in here[0][path]), (path, here[0], there[0])
        assert high - low <= 131072
END
both() { # COPY STATUS [LINE]: what both say is the same, and has a line like that
	local status

	"$extentctl" verify "$a/src" "$1" >"$work/here" 2>"$work/errors"
	[ $? -eq "$2" ] || fail "$1: here: $(cat "$work/here" "$work/errors")"
	there "$a/src" "$1" >"$work/there" 2>"$work/errors"
	status=$?
	[ $status -eq "$2" ] || fail "$1: there: status $status: $(cat "$work/there" "$work/errors")"
	python3 "$work/compare.py" "$work/here" "$work/there" || fail "$1: not the same: $(cat "$work/here" "$work/there")"
	[ -z "${3:-}" ] || grep -qxE "$3" "$work/there" || fail "$1: no line $3: $(cat "$work/there")"
	there --json "$a/src" "$1" >"$work/report" 2>"$work/errors"
	[ "$(number exit_code)" = "$2" ] || fail "$1: report: $(cat "$work/report" "$work/errors")"
	[ "$(number differences)" = "$(wc -l <"$work/here")" ] || fail "$1: report: $(cat "$work/report")"
	! grep -qa 'a secret that ssh' "$work/sent" "$work/got" || fail "content went through ssh"
}

both "$b/copy" 0
[ "$(number extents_same)" -gt 10 ] && [ "$(number extents_content)" = 0 ] || fail "decompressed: $(cat "$work/report")"
[ $(($(wc -c <"$work/sent") + $(wc -c <"$work/got"))) -lt 60000 ] || fail "sent: $(wc -c "$work/sent" "$work/got")"
# Another compression, or none: the content decides, as it does here.
for other in "$zlib" "$plain"; do
	both "$other/copy" 0
	[ "$(number extents_content)" -gt 10 ] || fail "nothing was compared by content: $(cat "$work/report")"
	[ "$(number extents_unknown)" = 0 ] || fail "unknown: $(cat "$work/report")"
	[ $(($(wc -c <"$work/sent") + $(wc -c <"$work/got"))) -lt 100000 ] || fail "sent: $(wc -c "$work/sent" "$work/got")"
done

patch() { printf '%s' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
changed() { # STATUS LINE command...: in each kind of copy
	local copy

	for copy in $copies; do
		rm -rf "$copy/work" && cp -a --reflink=always "$copy/copy" "$copy/work"
		(cd "$copy/work" && "${@:3}") || fail "$*"
		sync -f "$copy"
		both "$copy/work" "$1" "$2"
	done
}
copies="$b $plain"
changed 1 'content +[0-9]+ [0-9]+ text' patch text 1500000 ABC
copies=$b
changed 1 'content +[0-9]+ [0-9]+ dir/noise' patch dir/noise 200000 "?!"
changed 1 'content +1000000 1 sparse' patch sparse 1000000 1
changed 1 'missing +dir/deep/inline' rm dir/deep/inline
changed 1 'extra +dir/new' mkdir dir/new
changed 1 'size +2000000 1999999 text' truncate -s 1999999 text
changed 1 'target +link' ln -sfn elsewhere link
changed 1 'type +empty' sh -c 'rmdir empty && ln -s dir empty'
changed 1 'missing +a name\\012.*' sh -c 'rm a*'
# Neither looks at modes, owners, times and attributes.
changed 0 '' sh -c 'chmod 700 dir; chown 12:34 text; touch -d 2001-01-01 text; exit 0' 2>/dev/null

# What is no comparison is none.
ends() { # STATUS TEXT command...
	"${@:3}" >"$work/there" 2>&1
	[ $? -eq "$1" ] || fail "$2: not status $1: $(cat "$work/there")"
	grep -qF "$2" "$work/there" || fail "should have said \"$2\": $(cat "$work/there")"
}
ends 4 "cannot be opened" there "$a/src" "$b/nothing"
ends 4 "cannot be opened" there "$a/nothing" "$b/copy"
ends 3 "there is no" "$extentctl" verify --host 127.0.0.1 --rsh "$rsh" --remote-program "$work/no" "$a/src" "$b/copy"
ends 3 "Connection refused" "$extentctl" verify --host 127.0.0.1 --rsh "${rsh/-p $sshd_port/-p 1}" "$a/src" "$b/copy"
ends 2 "SRC and DST" there --digest "$work/list" "$b/copy"
ends 2 "Invalid argument" "$extentctl" verify --host -x "$a/src" "$b/copy"
printf '#!/bin/bash\nhead -c 5000 | %s "$@"\n' "$rsh" >"$work/cut"
printf '#!/bin/bash\ncat >/dev/null; exec cat "%s"\n' "$work/answers" >"$work/liar"
chmod +x "$work/cut" "$work/liar"
ends 4 "incomplete" "$extentctl" verify --host 127.0.0.1 --rsh "$work/cut" --remote-program "$there" "$a/src" "$b/copy"
lies() { # STATUS TEXT LINES
	printf '%s' "$3" >"$work/answers"
	ends "$1" "$2" "$extentctl" verify --host liar --rsh "$work/liar" "$a/src" "$b/copy"
}
zeros=$(printf '%032d' 0)
end=$'. 0 0 0 0 0 0 0 0 0 0 0\n'
[ "$(grep -c '^	X(' "$tests_dir/../../client/verify/verify.h")" -ge 11 ] || fail "VERIFY_STATS"
lies 4 "none of extentctl verify" ""
lies 4 "none of extentctl verify" "hello"
lies 4 "none of extentctl verify" $'extentd-answers 1\n'
lies 4 "none of extentctl verify" $'extentd-answers 1\n= nonsense 0 1 x\n'"$end"
lies 4 "none of extentctl verify" $'extentd-answers 1\n. 0 0\n'
lies 1 "cannot be read again" $'extentd-answers 1\n'"? 0 5 $zeros ../../../../etc/passwd"$'\n'"$end"
lies 1 "cannot be read again" $'extentd-answers 1\n'"? 0 99999999999 $zeros text"$'\n'"$end"
lies 1 "cannot be read again" $'extentd-answers 1\n'"? 18446744073709551615 5 $zeros text"$'\n'"$end"
lies 1 "content  0 5 text" $'extentd-answers 1\n'"? 0 5 $zeros text"$'\n'"$end"
