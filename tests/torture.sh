#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The long forms, with seeds that nobody has seen: ./dev torture [WORD] [--minutes N] [--seed N]
#
#	powercut	power cuts and I/O errors; more options in powercut/powercut.sh. The default
#	trees		receives random trees and compares them with what btrfs receive makes
#	storm		random clients, killed at random, and every byte looked at
#	payload		mutated payloads against this kernel's decoders
#	mutants		a fault put in for each promise: the test that guards it must catch it (mutants/)
#	soak		clients without end: memory and descriptors of the daemon, sampled
#	memory		memory runs out at each place where some is asked for
#
# Rounds go on until the minutes are over (one, without); each prints its seed, and --seed repeats it.
set -u -o pipefail
tests=$(cd "$(dirname "$0")" && pwd)
build=${EXTENTD_BUILD:-$tests/../build}
export EXTENTD_BUILD=$build

word=powercut
case ${1:-} in
mutants)
	shift
	exec "$tests/mutants/mutants.sh" "$@"
	;;
powercut | trees | storm | payload | soak | memory)
	word=$1
	shift
	;;
esac
[ $word != powercut ] || exec "$tests/powercut/powercut.sh" --bin "$build/tests/powercut" "$@"

minutes=0 seed=$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')
while [ $# -gt 0 ]; do
	case $1 in
	--minutes) minutes=$2 ;;
	--seed) seed=$2 ;;
	*)
		sed -n '4,/^set/s/^# \{0,1\}//p' "$0"
		exit 2
		;;
	esac
	shift 2 || exit 2
done

# A round of at most so many seconds.
left() { echo $((minutes * 60 - SECONDS < $1 ? (minutes * 60 > SECONDS ? minutes * 60 - SECONDS : 1) : $1)); }

round() { # SEED
	case $word in
	trees)
		"$tests/stream/equality.sh" "$build/tests/stream" 2 "$1" &&
			"$tests/stream/equality.sh" "$build/tests/stream" 2 "$1" "$build/client/ctl/extentctl"
		;;
	storm) STORM_SEED=$1 STORM_SECONDS=$([ "$minutes" = 0 ] && echo 5 || left 60) "$tests/hostile/test-storm.sh" ;;
	payload) "$tests/payload/kernel.sh" "$build/tests/payload/payload-kernel" 20000 "$1" ;;
	memory) MEMORY_TRIALS=all "$tests/hostile/test-memory.sh" ;;
	soak) SOAK_SEED=$1 "$tests/hostile/soak.sh" "$minutes" ;;
	esac
}

for ((n = 0; ; n++)); do
	echo "$word: round $((n + 1)), seed $((seed + n))"
	round $((seed + n))
	status=$?
	[ $status -ne 77 ] || exit 77
	[ $status -eq 0 ] || {
		echo "FAILED: ./dev torture $word --seed $((seed + n))"
		exit 1
	}
	[ $SECONDS -lt $((minutes * 60)) ] || break
done
echo "$word: $((n + 1)) rounds, seeds from $seed, $SECONDS s"
