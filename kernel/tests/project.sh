#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# In a guest: the project's own tests, with extentd, on the kernel that is running. Programs and tree
# are the host's, seen through hostfs without the right to write.
#
#	project.sh TREE BUILD [TEST...]
#
# A TEST is a script of tests/integration or a workload of tests/powercut; with a + in front, for
# peers that are trusted.
set -u
tree=/host$1 build=/host$2
shift 2
[ $# -gt 0 ] || set -- access backends clients files life payloads space trusted \
	+backends +clients +life +space \
	naive two-fsyncs foreign-fsync extentd-one extentd-clients extentd-eio extentd-overlap \
	+extentd-one +extentd-eio
mkdir -p /host
mount -t hostfs -o ro,hostfs=/ none /host 2>/dev/null || mount -t hostfs -o ro,/ none /host || exit 1
mount --bind /host/usr /usr || exit 1
export EXTENTD_BUILD=$build EXTENTD_TEST_DIR=/tmp
printf '[Access]\nTrustedUsers=root\n' >/tmp/trusted.conf
ulimit -l unlimited

run() { # TEST
	if [ -e "$tree/tests/powercut/workloads/$1.sh" ]; then
		"$tree/tests/powercut/powercut.sh" --bin "$build/tests/powercut" --cuts 8 --seed 1001 "$1"
	else
		bash "$tree/tests/integration/test-$1.sh"
	fi
}

passed=0 failed=0 skipped=0
for name; do
	started=$SECONDS
	unset EXTENTD_TEST_CONFIG
	[ "$name" = "${name#+}" ] || export EXTENTD_TEST_CONFIG=/tmp/trusted.conf
	run "${name#+}" >/tmp/log 2>&1
	status=$?
	# What shows the kernel's faults elsewhere must be safe where they are mended.
	case "$name ${EXPECT:-} " in
	naive*" sync "* | two-fsyncs*" order "* | foreign-fsync*" order "*)
		grep -qE '^[a-z-]+ +seed .* losing=0 ' /tmp/log
		status=$? ;;
	esac
	case $status in
	0) passed=$((passed + 1)) word=passed ;;
	77) skipped=$((skipped + 1)) word="skipped: $(tail -n 1 /tmp/log)" ;;
	*) failed=$((failed + 1)) word="FAILED ($status)" ;;
	esac
	echo "project: $name: $word ($((SECONDS - started)) s)"
	[ $status = 0 ] || [ $status = 77 ] || tail -n 40 /tmp/log
	grep -E '^[a-z0-9-]+ +seed' /tmp/log
done
echo "project: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
