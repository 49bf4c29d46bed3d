#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# enable_verity: done where the kernel has it, while nobody has the file open for writing; where it
# has not, a warning that names the file, and with --strict an error. Kernels without it are helped
# by a shim (verity-shim.c).
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
requires root btrfs extentctl extentd
sanitized && skip "the shim and a sanitizer's runtime both want to be the first library"
tools=$build/tests/stream
shim=$tools/libverity-shim.so
make_btrfs mnt 512M
start_extentd
"$tools/hostile" verity >"$work/stream"
# shellcheck disable=SC2154 # make_btrfs sets it
target=$mnt/target
mkdir "$target"
# --quiet would keep warnings back.
receive() { timeout 60 "$extentctl" receive -f "$work/stream" "$@" "$target"; }
drop() {
	btrfs property set -f "$target/s" ro false && btrfs subvolume delete "$target/s" >/dev/null || fail "nothing received"
}
is_f() {
	[ "$(stat -c '%a %s %Y' "$target/s/f")" = "640 8192 1000" ] || fail "$*: $(stat "$target/s/f")"
	[ "$(tr -d x <"$target/s/f" | wc -c)" = 0 ] || fail "$*: content"
}

# Does this kernel? Then the real thing is looked at, too.
receive --direct 2>"$work/said" || fail "$(cat "$work/said")"
is_f "as the kernel has it"
if grep -q verity "$work/said"; then
	say "this kernel has no fs-verity"
else
	grep -q '^[^ ]*V' <<<"$(lsattr "$target/s/f")" || fail "no verity, and nothing said: $(lsattr "$target/s/f")"
fi
drop

for sink in --direct --private "--socket=$socket"; do
	for plan in '' --no-plan; do
		# shellcheck disable=SC2086 # an option or none
		set -- "$sink" --strict $plan
		rm -f "$work/enabled"
		VERITY_SHIM=$work/enabled LD_PRELOAD=$shim receive "$@" 2>"$work/said" || fail "$*: $(cat "$work/said")"
		[ "$(cat "$work/enabled")" = "1 1 4096 salt" ] || fail "$*: enabled: $(cat "$work/enabled")"
		is_f "$@"
		drop

		for error in 95 65 25; do # EOPNOTSUPP; ENOPKG, no such hash here; ENOTTY, before 5.15
			export VERITY_SHIM=$error
			LD_PRELOAD=$shim receive "$sink" $plan 2>"$work/said" || fail "$sink $plan, $error: $(cat "$work/said")"
			grep -qE '^extentctl: warning: stream offset [0-9]+, fs-verity of s/f not set: ' "$work/said" ||
				fail "$sink $plan, $error: $(cat "$work/said")"
			is_f "$sink $plan"
			drop
			LD_PRELOAD=$shim fails_with "enable_verity s/f: " receive "$@"
			[ -z "$(ls -A "$target")" ] || fail "$*, $error: $(ls -A "$target") is left"
		done
		unset VERITY_SHIM
	done
done
