#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# extentctl copy --update: after any changes the copy is what the source is, and only what changed was
# read and written. UPDATE_SEED and UPDATE_ROUNDS for more of it than a test has time for.
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentd extentctl command python3
make_btrfs src 768M compress=zstd
make_btrfs dst 768M
seed=${UPDATE_SEED:-11} rounds=${UPDATE_ROUNDS:-4}
start_extentd
before=$(descriptors)
number() { sed -n "s/.*\"$1\": \\([0-9]*\\).*/\\1/p" "$work/report"; }

update() {
	"$extentctl" copy --update --json "$src/tree" "$dst/copy" >"$work/report" 2>"$work/errors" ||
		fail "update: $(cat "$work/report" "$work/errors")"
}

manifest() { # contents, and everything else that a copy keeps
	(cd "$1" && find . -printf '%P %y %m %n %s %l %T@\n' | sort && find . -type f -print0 | sort -z | xargs -0 md5sum)
}

same() { # WHEN
	manifest "$src/tree" >"$work/a"
	manifest "$dst/copy" >"$work/b"
	diff "$work/a" "$work/b" >"$work/diff" || fail "$1: $(head -6 "$work/diff")"
}

mkdir "$src/tree" "$src/tree/chance"
python3 "$(dirname "$0")/mutate-tree.py" "$src/tree/chance" "$seed" 60
seq 1 2000000 >"$src/tree/large"
update
same "the first time"
[ -s "$dst/.copy.extentd-update" ] || fail "nothing is remembered"

# Nothing changed: nothing is written.
update
same "nothing"
[ "$(number payload_bytes)" = 0 ] || [ "$(number bytes)" -lt 5000000 ] || fail "nothing changed, and: $(cat "$work/report")"

# A little of a large file: a little is written.
large=$(stat -c %s "$src/tree/large")
printf 'changed' | dd of="$src/tree/large" bs=1 seek=7000000 conv=notrunc status=none
: >"$src/tree/other"
update
same "a few bytes"
[ "$(number unchanged)" -ge $((large - 300000)) ] || fail "a few bytes: $(cat "$work/report")"

for ((i = 0; i < rounds; i++)); do
	python3 "$(dirname "$0")/mutate-tree.py" "$src/tree/chance" $((seed * 1000 + i)) 25 || fail "mutate"
	update
	same "round $i of seed $seed"
	say "round $i: $(number bytes) bytes copied, $(number unchanged) not"
done

# Somebody changes the copy: it is the source's again.
printf 'not this' | dd of="$dst/copy/large" bs=1 seek=100 conv=notrunc status=none
touch -r "$src/tree/large" "$dst/copy/large"
update
same "a copy that was changed"
# What was in the copy and never in the source is left alone.
: >"$dst/copy/of somebody else"
update
[ -e "$dst/copy/of somebody else" ] || fail "what is not ours was removed"
rm "$dst/copy/of somebody else"

# Without memory, or with one that is damaged, all is copied.
printf x | dd of="$dst/.copy.extentd-update" bs=1 seek=300 conv=notrunc status=none
update
same "a damaged memory"
[ "$(number unchanged)" = 0 ] || fail "a damaged memory was believed"
rm "$dst/.copy.extentd-update"
update
same "no memory"

# Killed in the middle: the next one makes it right.
python3 "$(dirname "$0")/mutate-tree.py" "$src/tree/chance" $((seed * 1000 + 999)) 40 || fail "mutate"
"$extentctl" copy -q --update "$src/tree" "$dst/copy" 2>/dev/null &
killed=$!
sleep 0.2
kill -KILL $killed 2>/dev/null
wait $killed
update
same "after one that was killed"

# Files that are written while they are copied are right when they have come to rest.
python3 - "$src/tree/large" <<'END' &
import os, random, sys, time
rnd = random.Random(5)
with open(sys.argv[1], "r+b", buffering=0) as f:
    end = time.monotonic() + 3
    while time.monotonic() < end:
        f.seek(rnd.randrange(8 << 20))
        f.write(rnd.randbytes(6000))
        if rnd.random() < 0.05:
            os.fsync(f.fileno())
END
writer=$!
for _ in 1 2 3; do
	"$extentctl" copy -q --update "$src/tree" "$dst/copy" 2>/dev/null
done
wait $writer || fail "the writer"
update
same "after it was written to"

# From a snapshot: another path to the same extents.
btrfs subvolume snapshot -r "$src" "$src/snap" >/dev/null 2>&1 || fail "no snapshot"
"$extentctl" copy --update --json "$src/snap/tree" "$dst/copy" >"$work/report" || fail "from a snapshot"
same "from a snapshot"
[ "$(number bytes)" -lt 5000000 ] || fail "a snapshot is copied as a whole: $(cat "$work/report")"

# Attributes that are gone from the source go from the copy, and only those.
if setfattr -n user.one -v 1 "$src/tree/large" 2>/dev/null; then
	mkdir "$src/tree/attributes"
	for f in large attributes other; do
		setfattr -n user.one -v 1 "$src/tree/$f"
		setfattr -n user.two -v 2 "$src/tree/$f"
		setfacl -m u:1234:r "$src/tree/$f"
	done
	update
	btrfs property set "$dst/copy/attributes" compression zlib || fail "a property of the copy"
	setfattr -x user.one "$src/tree/large"
	setfattr -x user.one "$src/tree/attributes"
	setfattr -x user.two "$src/tree/other"
	setfacl -b "$src/tree/large" "$src/tree/attributes"
	setcap cap_net_raw+ep "$dst/copy/other"
	update
	same "attributes that are gone"
	for f in large attributes other; do
		diff <(cd "$src/tree" && getfattr -d -m - "$f") <(cd "$dst/copy" && getfattr -d -m '^[^b]' "$f") ||
			fail "$f: the attributes differ"
	done
	[ "$(btrfs property get "$dst/copy/attributes" compression)" = compression=zlib ] || fail "the copy's own property was taken away"
fi

# What a run with errors has made goes, too, when it has gone from the source.
mkdir "$src/tree/shut"
update
chattr +i "$dst/copy/shut"
: >"$src/tree/shut/in" && echo late >"$src/tree/late"
"$extentctl" copy --update "$src/tree" "$dst/copy" >"$work/report" 2>&1 && fail "no error: $(cat "$work/report")"
[ -e "$dst/copy/late" ] || fail "the rest is not copied: $(cat "$work/report")"
chattr -i "$dst/copy/shut"
rm -r "$src/tree/late" "$src/tree/shut"
update
same "after a run with errors"

# The update is of one moment. Somebody renames two counters, the left one first; in a snapshot the left one is as far
# as the right one, or one ahead. Read one after the other, with a thousand files between them, they are not.
python3 - "$src/tree" "$work/stop" <<'END' &
import os, sys
tree, stop = sys.argv[1:]
for d in "a", "z":
    os.mkdir(f"{tree}/{d}")
    open(f"{tree}/{d}/0", "w").close()
for i in range(1000):
    open(f"{tree}/between.{i}", "w").close()
open(stop + ".begun", "w").close()
n = 0
while not os.path.exists(stop) and n < 3000000:
    for d in "a", "z":
        os.rename(f"{tree}/{d}/{n}", f"{tree}/{d}/{n + 1}")
    n += 1
END
writer=$!
cleanup_fn touch "$work/stop"
wait_for 20 [ -e "$work/stop.begun" ] || fail "no writer"
one() { find "$dst/copy/$1" -type f -printf '%f\n'; }
apart() { # MESSAGE: both counters are there, once, and as they were at one moment
	local a z

	a=$(one a) z=$(one z)
	[[ $a =~ ^[0-9]+$ && $z =~ ^[0-9]+$ ]] && [ $((a - z)) -ge 0 ] && [ $((a - z)) -le 1 ] && return
	[ "$1" = quiet ] || fail "$1: a is at $a, z at $z"
	return 1
}
moment() { sed -n 's/.*"one_moment": \(.*\),*/\1/p' "$work/report" | tr -d ,; }
for round in 1 2 3; do
	update
	[ "$(moment)" = true ] || fail "no snapshot was taken: $(cat "$work/report")"
	apart "round $round"
	[ "$round" = 1 ] || [ "$(one a)" -gt "$last" ] || fail "nothing happened meanwhile"
	last=$(one a)
done
# The control: with a subvolume inside, of which a snapshot holds nothing, there is none.
btrfs -q subvolume create "$src/tree/inside"
torn=0
for round in 1 2 3 4 5; do
	"$extentctl" copy --update --json "$src/tree" "$dst/copy" >"$work/report" 2>/dev/null
	[ "$(moment)" = false ] || fail "a subvolume below is not held by the snapshot"
	apart quiet || torn=1
done
[ $torn = 1 ] || fail "the test is blind: without a snapshot the counters were never apart"
: >"$work/stop"
wait $writer
btrfs -q subvolume delete "$src/tree/inside"
update
same "after the counters"

# Nothing of it stays: no snapshot, also of a run that was killed, and the root's time is its own.
leftover() { find "$src" -mindepth 1 -maxdepth 1 -name '.extentd-copy.*'; }
btrfs -q subvolume snapshot -r "$src" "$src/.extentd-copy.1"
touch -d @981173106 "$src"
"$extentctl" copy --update --json "$src" "$dst/whole" >"$work/report" || fail "a whole subvolume"
[ "$(moment)" = false ] || fail "a subvolume with a snapshot in it: $(cat "$work/report")"
btrfs -q subvolume delete "$src/snap"
touch -d @981173106 "$src"
"$extentctl" copy --update --json "$src" "$dst/whole" >"$work/report" || fail "a whole subvolume"
[ "$(moment)" = true ] || fail "of a whole subvolume no snapshot was taken"
[ -z "$(leftover)" ] || fail "left: $(leftover)"
[ "$(stat -c %Y "$src")" = 981173106 ] || fail "the source's root was touched: $(stat -c %y "$src")"
diff <(cd "$src" && find . | sort) <(cd "$dst/whole" && find . | sort) || fail "the copy of a whole subvolume"

same_descriptors "$before"
fails_with "one SRC" "$extentctl" copy --update "$src/tree" "$src/tree" "$dst/copy"
