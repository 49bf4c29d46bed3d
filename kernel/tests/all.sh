#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every test for the kernel that is running, then GUEST_COMMAND if there is one.
set -u
failed=0 passed=0
step() {
	echo "== $*"
	if bash "$@"; then passed=$((passed + 1)); else
		failed=$((failed + 1))
		echo "== FAILED: $*"
	fi
}
step /tests/operation.sh
case " ${EXPECT:-} " in *" uring "*) step /tests/memory.sh ;; esac
step /tests/powercut.sh ioctl 8
case " ${EXPECT:-} " in *" uring "*) step /tests/powercut.sh uring 8 ;; esac
case " ${EXPECT:-} " in *" fixed "*) step /tests/powercut.sh fixed 8 ;; esac
step /tests/second.sh 3
[ -z "${GUEST_COMMAND:-}" ] || step -c "$GUEST_COMMAND"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
