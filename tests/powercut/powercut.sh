#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Cuts the power under workloads and counts what was acknowledged and lost.
#
#	powercut.sh --bin DIR [--short | --minutes N] [--seed N] [--cuts N] [--keep] [WORKLOAD...]
#
# DIR is the build's tests/powercut. A workload is a file in workloads/:
#
#	about=TEXT		what it shows
#	expect=hold		no acknowledged byte may be missing after any cut (the default); and
#				where no rule lets a request fail, nothing may be called lost
#	expect=lose		a control: it must lose, or this harness is blind
#	expect=watch		a fault of somebody else: figures only, no verdict
#	must=(FIGURE...)	figures that must not be 0 in the sum of its runs
#	mode=NAME		of CUT_MODES in cutimage.h; without it all of them
#	inspect=COMMAND		looks at each cut disk too (trial.h); drive may set it
#	faults=(RULE...)	of faults.h, in force while it runs
#	needs=(PROGRAM...)	left out, and said so, where one of these is missing
#	concluded		after the cuts: 0 when they showed what they were for; need not be there
#	long=yes		more of the same: not in --short
#	drive			writes to $mnt and marks to $marks, with $seed; 0 when it went well
#
# One round runs every workload once, each with a seed of its own; --minutes repeats rounds.
# A run is repeated by its seed: powercut.sh --seed SEED WORKLOAD. (Requests race, so a repeated
# run need not show the same history; the cuts of one history are the same.) --keep leaves the
# disks of runs that failed.
#
# Exit: 0 all as expected, 1 not, 77 cannot run here.

set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=rig.sh
. "$here/rig.sh"

figures=(cuts losing unclean unmountable lost stale damaged short nameless foreign broken asked
	acknowledged refused refused_intact)
bin='' minutes=0 seed=$RANDOM cuts=40 keep=0 rounds=1 short=no
chosen=()

while [ $# -gt 0 ]; do
	case $1 in
	--bin) bin=$(cd "$2" && pwd); shift ;;
	--short) cuts=8 short=yes ;; # 12 where losses must be found
	--minutes) minutes=$2 rounds=1000000; shift ;;
	--seed) seed=$2; shift ;;
	--cuts) cuts=$2; shift ;;
	--keep) keep=1 ;;
	-*) sed -n '3,/^$/s/^# \{0,1\}//p' "$0"; exit 2 ;;
	*)
		[ -e "$here/workloads/$1.sh" ] || { echo "$1: no such workload"; exit 2; }
		chosen+=("$1")
		;;
	esac
	shift
done

skip() { echo "skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "needs root to mount"
[ -e /dev/fuse ] && [ -e /dev/loop-control ] || skip "needs FUSE and loop devices"
grep -qw btrfs /proc/filesystems || skip "needs a kernel with btrfs"
command -v mkfs.btrfs btrfs losetup >/dev/null || skip "needs btrfs-progs and util-linux"
[ -x "$bin/recorder" ] || skip "no recorder in $bin: build first (libfuse3)"

if [ ${#chosen[@]} -eq 0 ]; then
	for file in "$here"/workloads/*.sh; do
		chosen+=("$(basename "$file" .sh)")
	done
fi

results=$(mktemp -d "${EXTENTD_TEST_DIR:-/dev/shm}/powercut-results.XXXXXX")
trap 'rm -rf "$results"' EXIT
trap 'exit 130' INT TERM

# choose ITEM... : one of them, by the seed of the run and how often it was asked.
dice=0
choose()
{
	dice=$(((seed * 7919 + dice * 104729 + 12345) % 2147483647))
	shift $((dice % $#))
	chosen_item=$1
}

# One client of the daemon, in the background: errand NAME AMOUNT [CLIENT]
errand()
{
	"$bin/errands" --socket="$socket" --dir="$mnt" --marks="$marks" --errand="$1" \
		--amount="$2" --client="${3:-0}" --seed="$seed" ${faults[0]:+--aborts} &
	clients+=($!)
}

# Waits for all clients; fails if one did.
errands_done()
{
	local pid status=0
	for pid in "${clients[@]}"; do
		wait "$pid" || status=1
	done
	clients=()
	return $status
}

# What others were to do meanwhile, they noted in $rig/moved: without it the run shows nothing.
moved() # WORD...
{
	local word
	for word; do
		grep -q "^$word" "$rig/moved" || { echo "nothing was $word"; return 1; }
	done
}

# Clients whose filesystem is going to be aborted, and one of another filesystem, which must not
# notice. The administrator must be told.
aborted_under_clients()
{
	rig_daemon "$bin" && rig_second 256M || return 1
	errand one 200 0
	errand overlap 200 1
	errand levels 200 2
	errand mixed 100 3
	"$bin/errands" --socket="$socket" --dir="$second" --errand=one --amount=60 --seed="$seed" \
		>"$rig/second.log" 2>&1 || { cat "$rig/second.log"; return 1; }
	errands_done || return 1
	grep -q 'has gone read-only' "$rig/daemon.log" || { echo "the journal says nothing"; return 1; }
	"$bin/errands" --socket="$socket" --dir="$second" --errand=many --amount=64 --seed="$seed" \
		>>"$rig/second.log" 2>&1 || { cat "$rig/second.log"; return 1; }
	cat "$rig/second.log" "$rig/daemon.log"
	[ "$(grep -c ' failed=0 lost=0 broken=0' "$rig/second.log")" = 2 ] ||
		{ echo "the other filesystem suffered"; return 1; }
}

# A tree and its snapshots on a good disk, to be brought to the other: restore_from MAKE COUNT [ARGUMENT...]
# makes the tree COUNT times with MAKE ARGUMENT..., and of each generation a snapshot, its facts and a stream.
restore_from()
{
	local make=$1 count=$2 i parent=()
	shift 2
	rig_second 1G compress=zstd || return 1
	mkdir "$rig/trees" && btrfs -q subvolume create "$second/tree" || return 1
	for ((i = 0; i < count; i++)); do
		"$make" $((seed + i)) "$@" "$second/tree" &&
			btrfs -q subvolume snapshot -r "$second/tree" "$second/s$i" &&
			"$here/trees.sh" facts "$second/s$i" >"$rig/trees/s$i.facts" &&
			cp "$rig/trees/s$i.facts" "$rig/trees/copy$i.facts" &&
			btrfs -q send --proto 2 --compressed-data -f "$rig/trees/s$i.stream" "$second/s$i" || return 1
	done
	echo "# from here on" >"$marks"
}

# Files of a few sectors each, compressed: what the receiver writes itself.
small_files() # SEED COUNT DIRECTORY
{
	local i
	for ((i = 0; i < $2; i++)); do
		yes "file $i of $1" | head -c $((i * 797 % 28672 + 5000)) >"$3/$1-$i"
	done
}

# extentctl copy and receive of all these, while writes fail: status 0 is a promise, and any other must
# come with the name of what is missing.
restore_under_errors() # COUNT
{
	local i extentctl=$bin/../../client/ctl/extentctl good=0 bad=0
	inspect="'$here/trees.sh' look '$rig/trees'"
	for ((i = 0; i < $1; i++)); do
		restored copy$i copy -T "$second/s$i" "$mnt/copy$i" &&
			restored s$i receive -f "$rig/trees/s$i.stream" "$mnt" || return 1
	done
	echo "restored $good, failed $bad"
	[ $good -gt 0 ] && [ $bad -gt 0 ] || { echo "it takes both to prove something"; return 1; }
}

restored() # NAME WORD ARGUMENT...
{
	local name=$1 word=$2
	shift 2
	if timeout 120 "$extentctl" "$word" --quiet --socket "$socket" "$@" 2>"$rig/said"; then
		good=$((good + 1))
		echo "D $name" >"$marks"
	else
		bad=$((bad + 1))
		cat "$rig/said"
		grep -qE "\b(s|copy)${name##*[!0-9]}\b" "$rig/said" || { echo "$name: what failed is not named"; return 1; }
	fi
}

# One run of one workload: prints its figures as name=number words, last line of the output.
run_one() # WORKLOAD SEED
(
	about='' expect=hold must=() faults=() needs=() mode='' inspect='' long=no
	seed=$2
	# shellcheck source=/dev/null
	. "$here/workloads/$1.sh" || exit 1
	[ $short = no ] || [ $long = no ] || { echo "left out: only in the long form"; exit 77; }
	[ $short = no ] || [ $expect = hold ] || cuts=12
	for program in ${needs[@]+"${needs[@]}"}; do
		[ -x "$bin/$program" ] || { echo "left out: $program is not built"; exit 77; }
	done
	trap 'rig_close' EXIT
	clients=()
	rig_open "$bin" "$seed" || { echo "cannot set up the disk"; exit 1; }
	mnt=$rig/mnt marks=$rig/fuse/marks
	[ ${#faults[@]} -eq 0 ] || rig_faults "${faults[@]}"
	drive >"$rig/drive.log" 2>&1 || { cat "$rig/drive.log"; echo "the workload failed"; exit 1; }
	cat "$rig/drive.log"
	rig_stop
	[ ! -e "$rig/late" ] || { cat "$rig/late"; exit 1; }
	echo "failing=${rig_failing:-no}"
	timeout --kill-after=10 $((120 + cuts * 10)) "$bin/cuts" --cuts="$cuts" --seed="$seed" --end ${mode:+"--mode=$mode"} \
		${inspect:+"--inspect=$inspect"} "$rig/origin" "$rig/history" "$rig/mnt"
	status=$?
	if [ $status -eq 0 ] && declare -F concluded >/dev/null; then
		concluded || status=1
	fi
	if [ $status -eq 0 ] && [ $keep = 1 ] && [ "$expect" = hold ]; then
		echo "kept: $rig"
		trap - EXIT
	fi
	exit $status
)

# The number called NAME in a line of figures.
figure() { sed -n "s/.*\b$2=\([0-9]*\).*/\1/p" <<<"$1"; }

failed=0
say_failed() { echo "FAILED: $*"; failed=1; }

declare -A sum runs left_out
record() # WORKLOAD FIGURES
{
	local f
	runs[$1]=$((${runs[$1]:-0} + 1))
	for f in "${figures[@]}"; do
		sum[$1,$f]=$((${sum[$1,$f]:-0} + $(figure "$2" "$f")))
	done
}

started=$SECONDS
for ((round = 0; round < rounds; round++)); do
	for workload in "${chosen[@]}"; do
		[ -z "${left_out[$workload]:-}" ] || continue
		run_seed=$((seed + round))
		run_one "$workload" $run_seed >"$results/$workload" 2>&1
		status=$?
		line=$(grep '^cuts=' "$results/$workload")
		if [ $status -eq 77 ]; then
			left_out[$workload]=$(tail -1 "$results/$workload")
			continue
		fi
		if [ $status -ne 0 ] || [ -z "$line" ]; then
			cat "$results/$workload"
			say_failed "$workload, seed $run_seed: no result"
			continue
		fi
		record "$workload" "$line"
		printf '%-16s seed %-8s %s\n' "$workload" "$run_seed" "${line% seed=*}"
		expect=$(sed -n 's/^expect=//p' "$here/workloads/$workload.sh")
		for f in losing unclean unmountable foreign; do
			[ "${expect:-hold}" = hold ] && [ "$(figure "$line" $f)" -ne 0 ] || continue
			grep '^cut=' "$results/$workload" | head -5
			grep '^kept:' "$results/$workload"
			say_failed "$workload, seed $run_seed: $f=$(figure "$line" $f)"
		done
		if [ "${expect:-hold}" = hold ] && grep -qx failing=no "$results/$workload" &&
			[ "$(figure "$line" refused)" -ne 0 ]; then
			say_failed "$workload, seed $run_seed: the disk was good, and $(figure "$line" refused) were refused"
		fi
	done
	[ $((SECONDS - started)) -ge $((minutes * 60)) ] && break
done

echo
printf '%-16s %4s %5s %6s %5s %5s %5s %5s %5s %7s %7s %7s %7s %7s %s\n' workload runs cuts losing \
	lost stale damgd short names foreign unclean acked refused intact expect
for workload in "${chosen[@]}"; do
	if [ -n "${left_out[$workload]:-}" ]; then
		printf '%-16s %s\n' "$workload" "${left_out[$workload]}"
		continue
	fi
	[ -n "${runs[$workload]:-}" ] || continue
	s() { echo "${sum[$workload,$1]}"; }
	expect=hold must=()
	eval "$(grep -E '^(expect|must)=' "$here/workloads/$workload.sh")"
	printf '%-16s %4s %5s %6s %5s %5s %5s %5s %5s %7s %7s %7s %7s %7s %s\n' "$workload" \
		"${runs[$workload]}" "$(s cuts)" "$(s losing)" "$(s lost)" "$(s stale)" \
		"$(s damaged)" "$(s short)" "$(s nameless)" "$(s foreign)" \
		"$(($(s unclean) > $(s unmountable) ? $(s unclean) : $(s unmountable)))" \
		"$(s acknowledged)" "$(s refused)" "$(s refused_intact)" "$expect"
	[ "$(s acknowledged)" -gt 0 ] || say_failed "$workload acknowledged nothing: it proves nothing"
	[ $expect = lose ] && must+=(losing)
	for f in ${must[@]+"${must[@]}"}; do
		[ "$(s "$f")" -gt 0 ] || say_failed "$workload must show $f and did not: the harness is blind"
	done
done
echo "seed $seed, ${SECONDS} s"
exit $failed
