#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The units are ones that systemd takes without a word, and expose little.
. "$(dirname "$0")/../integration/lib.sh"
requires command systemd-analyze
worst=20 # tenths: "systemd-analyze security" at 2.0 or below
worst_replicate=40 # it reads and writes all files, as root, and talks to other machines

# The binary need not be installed, only there.
sed "s|^ExecStart=[^ ]*|ExecStart=/bin/true|" "$build/units/extentd.service" >"$work/extentd.service"
cp "$build/units/extentd.socket" "$work/"

said=$(systemd-analyze verify --man=no "$work/extentd.service" "$work/extentd.socket" 2>&1) ||
	fail "systemd-analyze verify: $said"
[ -z "$said" ] || fail "systemd-analyze verify: $said"

score=$(systemd-analyze security --offline=true --no-pager "$work/extentd.service" |
	sed -n 's/.*Overall exposure level[^0-9]*: \([0-9]*\)\.\([0-9]\).*/\1\2/p')
[ -n "$score" ] || fail "systemd-analyze security gave no score"
say "exposure ${score:0:-1}.${score: -1}"
[ "$score" -le $worst ] || fail "the exposure is above ${worst:0:1}.${worst:1}"

# Replication: the template, under a name; and it shows what it does (Type=oneshot needs NotifyAccess=).
sed "s|^ExecStart=[^ ]*|ExecStart=/bin/true|" "$build/units/extentd-replicate@.service" \
	>"$work/extentd-replicate@.service"
cp "$build/units/extentd-replicate@.timer" "$work/"
said=$(cd "$work" && systemd-analyze verify --man=no extentd-replicate@home.service \
	extentd-replicate@home.timer 2>&1) || fail "systemd-analyze verify: $said"
[ -z "$said" ] || fail "systemd-analyze verify: $said"
for line in NotifyAccess=main IOSchedulingPriority=7 IOWeight=20 Nice=10; do
	grep -qx "$line" "$work/extentd-replicate@.service" || fail "extentd-replicate@.service: no $line"
done
score=$(systemd-analyze security --offline=true --no-pager "$work/extentd-replicate@.service" |
	sed -n 's/.*Overall exposure level[^0-9]*: \([0-9]*\)\.\([0-9]\).*/\1\2/p')
say "replication: exposure ${score:0:-1}.${score: -1}"
[ "$score" -le $worst_replicate ] || fail "replication: the exposure is above ${worst_replicate:0:1}.${worst_replicate:1}"

# Restore jobs: tests/stream/job.sh runs what the template says.
sed "s|^ExecStart=[^ ]*|ExecStart=/bin/true|" "$build/units/extentd-restore@.service" \
	>"$work/extentd-restore@.service"
said=$(cd "$work" && systemd-analyze verify --man=no extentd-restore@home.service 2>&1) ||
	fail "systemd-analyze verify: $said"
[ -z "$said" ] || fail "systemd-analyze verify: $said"

# The test can tell: the same unit without its capabilities' bounds must be worse, and be refused.
sed '/^CapabilityBoundingSet/d; /^SystemCallFilter/d; /^Protect/d' "$work/extentd.service" >"$work/open.service"
open=$(systemd-analyze security --offline=true --no-pager "$work/open.service" |
	sed -n 's/.*Overall exposure level[^0-9]*: \([0-9]*\)\.\([0-9]\).*/\1\2/p')
[ "$open" -gt $worst ] || fail "a unit without protection scores $open, too"

if command -v systemd-sysusers >/dev/null; then
	mkdir -p "$work/root/etc"
	systemd-sysusers --root="$work/root" --inline "$(grep -v '^#' "$tests_dir/../../units/extentd.sysusers")" \
		2>"$work/said" || fail "systemd-sysusers: $(cat "$work/said")"
	grep -q '^extentd:' "$work/root/etc/passwd" || fail "systemd-sysusers made no user"
	grep -q '^extentd:' "$work/root/etc/group" || fail "systemd-sysusers made no group"
fi
if command -v journalctl >/dev/null; then
	mkdir -p "$work/root/usr/lib/systemd/catalog"
	cp "$tests_dir/../../units/extentd.catalog" "$work/root/usr/lib/systemd/catalog/"
	journalctl --root="$work/root" --update-catalog 2>"$work/said" || fail "catalog: $(cat "$work/said")"
	[ ! -s "$work/said" ] || fail "catalog: $(cat "$work/said")"
fi
