#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Does a test fail when a promise is broken? Each mutant is the tree with one fault put in on purpose
# (table.sh); the test that guards the promise has to catch it. A mutant that is not caught is a
# test that is missing.
#
#	mutants.sh [--list] [--jobs N] [MUTANT...]	all, or these
#
# All happens in a copy of what is committed and what is changed in the tree, which is removed. Each
# test is run without a fault first: what fails anyway catches nothing. Exit: 0 all were caught.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
LIMIT=${MUTANT_SECONDS:-240} # of one run of a test: no time limit catches anything

names=() jobs=$(nproc)
declare -A file change tests about
mutant() # NAME FILE PERL-SUBSTITUTION TEST ABOUT
{
	names+=("$1")
	file[$1]=$2 change[$1]=$3 tests[$1]=$4 about[$1]=$5
}
# shellcheck source=table.sh
. "$here/table.sh"

chosen=()
while [ $# -gt 0 ]; do
	case $1 in
	--list)
		for name in "${names[@]}"; do printf '%-22s %-34s %s\n' "$name" "${tests[$name]}" "${about[$name]}"; done
		exit 0
		;;
	--jobs) jobs=$2; shift ;;
	*)
		[ -n "${file[$1]:-}" ] || { echo "$1: no such mutant; see --list"; exit 2; }
		chosen+=("$1")
		;;
	esac
	shift
done
[ ${#chosen[@]} -gt 0 ] || chosen=("${names[@]}")

copy=$(mktemp -d "${TMPDIR:-/tmp}/extentd-mutants-XXXXXX") || exit 1
chmod 755 "$copy" # tests act as other users
trap 'rm -rf --one-file-system "$copy"' EXIT
trap 'exit 130' INT TERM
(cd "$tree" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy" 2>/dev/null)
cd "$copy" || exit 1
build=$copy/build
meson setup "$build" >"$copy/setup.log" 2>&1 && ninja -C "$build" -j "$jobs" >"$copy/ninja.log" 2>&1 ||
	{ tail -n 20 "$copy/setup.log" "$copy/ninja.log"; exit 1; }

# run TEST: "[VARIABLE=VALUE...] NAME", of meson test, or "powercut CUTS WORKLOAD". Builds what it needs;
# what was said is in $copy/said. 99: does not build.
run()
{
	local words status=0
	read -ra words <<<"$1"
	while [[ ${words[0]} = *=* ]]; do
		local -x "${words[0]}"
		words=("${words[@]:1}")
	done
	if [ "${words[0]}" = powercut ]; then
		ninja -C "$build" -j "$jobs" daemon/extentd client/ctl/extentctl >"$copy/said" 2>&1 || return 99
		timeout -k 10 "$LIMIT" tests/powercut/powercut.sh --bin "$build/tests/powercut" --seed 1001 \
			--cuts "${words[1]}" "${words[2]}" >"$copy/said" 2>&1
	else
		# Its own limit, by meson, would be a failure of the test.
		timeout -k 10 "$LIMIT" meson test -C "$build" --timeout-multiplier 0 --print-errorlogs \
			"${words[@]}" >"$copy/said" 2>&1 || status=$?
		! grep -qa 'Could not rebuild' "$copy/said" || return 99
		return $status
	fi
}

declare -A sound
is_sound() # TEST: it passes when nothing is broken
{
	local status=0
	[ -n "${sound[$1]:-}" ] || {
		run "$1" || status=$?
		! grep -qaE '^Skipped: +[1-9]|^skipped:' "$copy/said" || status=77
		sound[$1]=$status
	}
	[ "${sound[$1]}" = 0 ]
}

# Prints one word or more; 0 if caught
try() # MUTANT
{
	local status=0 target=${file[$1]}

	is_sound "${tests[$1]}" || { echo "NOT TRIED: the test fails without it, or is skipped (${sound[${tests[$1]}]})"; return 1; }
	cp -p "$target" "$copy/whole"
	perl -0pi -e "${change[$1]}" "$target"
	if cmp -s "$target" "$copy/whole"; then
		echo "NOT TRIED: nothing to change in $target any more"
		return 1
	fi
	run "${tests[$1]}" || status=$?
	cp "$copy/whole" "$target"
	case $status in
	0) echo "NOT CAUGHT" ;;
	124 | 137) echo "NOT CAUGHT: no end within $LIMIT s" ;;
	99) echo "NOT TRIED: does not build: $(grep -m 1 error: "$copy/said")" ;;
	*)
		echo "caught: $(grep -aE 'FAILED:|FAILED  \]|must show|assert|[Ff]ailure' "$copy/said" | head -n 1 | cut -c 1-110)"
		return 0
		;;
	esac
	[ -z "${MUTANT_LOGS:-}" ] || cp "$copy/said" "$MUTANT_LOGS/$1"
	return 1
}

caught=0
for name in "${chosen[@]}"; do
	begin=$SECONDS
	said=$(mktemp "$copy/verdict-XXXXXX")
	! try "$name" >"$said" || caught=$((caught + 1))
	printf '%-22s %4d s  %-34s %s\n' "$name" $((SECONDS - begin)) "${tests[$name]}" "$(cat "$said")"
done
echo "$caught of ${#chosen[@]} mutants caught, $SECONDS s"
[ $caught -eq ${#chosen[@]} ]
