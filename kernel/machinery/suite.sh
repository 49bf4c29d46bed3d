# SPDX-License-Identifier: GPL-2.0-or-later
# What is run in which guest, and what each kernel is expected to have.

SUITE_PASSED=0 SUITE_FAILED=0 SUITE_SKIPPED=0

# The words of EXPECT: uring = the operation exists, ioerr = I/O errors reach fsync,
# ownerr = and no other write, sync = fsync waits, fixed = registered buffers without copies,
# order = and for a log commit that another has begun, bufindex = io_uring refuses a bad buffer index by itself.
suite_expect() { # SERIES VARIANT
	case $1-$2 in
	6.12-base) echo "" ;;
	6.12-*) echo "uring ioerr ownerr sync order bufindex" ;;
	7.3-base) echo "uring ioerr" ;;
	7.3-*) echo "uring ioerr ownerr sync order fixed" ;;
	esac
}

suite_step() { # NAME COMMAND...
	local name=$1 start=$SECONDS
	shift
	echo "--- $name"
	if "$@"; then
		SUITE_PASSED=$((SUITE_PASSED + 1))
		echo "--- $name: passed ($((SECONDS - start)) s)"
	else
		SUITE_FAILED=$((SUITE_FAILED + 1))
		echo "--- $name: FAILED ($((SECONDS - start)) s)"
	fi
}

suite_skip() { # NAME REASON
	SUITE_SKIPPED=$((SUITE_SKIPPED + 1))
	echo "--- $1: skipped: $2"
}

suite_end() {
	echo "$SUITE_PASSED passed, $SUITE_FAILED failed, $SUITE_SKIPPED skipped"
	[ "$SUITE_FAILED" = 0 ]
}

# Prints the path of a new log: several guests of one kind may run at a time. NAME.log is a link to
# the newest. Logs of last week go.
suite_log() { # NAME
	local log
	find "$LOGS" -maxdepth 1 -name "$1.*.log" -mtime +7 -delete
	log=$(mktemp "$LOGS/$1.$(date +%m%d-%H%M%S).XXXX.log") || return 1
	ln -sfn "$(basename "$log")" "$LOGS/$1.log"
	echo "$log"
}

suite_guest() { # SERIES VARIANT FLAVOUR [COMMAND...]
	local series=$1 variant=$2 flavour=$3 linux log expect
	shift 3
	if [ $# = 0 ]; then
		if [ "$flavour" = x86 ]; then set -- bash /tests/compat.sh; else set -- bash /tests/all.sh; fi
	fi
	[ "$variant" = patched ] || unset GUEST_COMMAND
	linux=$(build_kernel "$series" "$variant" "$flavour") || return 1
	log=$(suite_log "$series-$variant-$flavour") || return 1
	expect=$(suite_expect "$series" "$variant")
	if [ "$flavour" = x86 ]; then
		qemu_boot "$linux" "$log" "$expect" "$@"
	else
		guest_boot "$linux" "$flavour" "$log" "$expect" "$@"
	fi
}

# What the project's tests want of /etc.
project_install() { # ROOT
	local name
	for name in passwd group nsswitch.conf ld.so.cache mke2fs.conf alternatives; do
		[ ! -e "/etc/$name" ] || cp -a "/etc/$name" "$1/etc/"
	done
}

# The same tests on a kernel with the patches and without, each with a log of its own.
suite_project() { # [SERIES VARIANT [TEST...]]
	local tree build
	tree=$(cd "$KERNEL/.." && pwd)
	build=$(cd "${EXTENTD_BUILD:-$tree/build}" && pwd) || return 1
	if [ $# -lt 2 ]; then
		suite_step "7.3, patched: the project's tests" suite_project 7.3 patched
		suite_step "7.3, unpatched" suite_project 7.3 base
		suite_step "6.12, patched" suite_project 6.12 patched
		suite_end
		return
	fi
	mkdir -p "$LOGS/project"
	LOGS=$LOGS/project GUEST_INSTALL=project_install GUEST_TIMEOUT=${GUEST_TIMEOUT:-3600} \
		suite_guest "$1" "$2" plain bash /tests/project.sh "$tree" "$build" "${@:3}"
}

# The planted fault must not pass: then the silence of the others counts. KASAN reports it as it
# happens (debug); a plain kernel finds freed memory poisoned or changed (slab_debug).
suite_planted() { # SERIES FLAVOUR
	local linux log
	linux=$(build_kernel "$1" planted "$2") || return 1
	log=$(suite_log "$1-planted-$2") || return 1
	if guest_boot "$linux" "$2" "$log" "$(suite_expect "$1" planted)" bash /tests/operation.sh \
		>/dev/null 2>&1; then
		echo "the planted use-after-free went unnoticed"
		return 1
	fi
	grep -m1 -aE "$GUEST_COMPLAINTS|Kernel panic|refcount_t:" "$log" ||
		{ echo "no report in $log"; return 1; }
}

suite_check() { # [SERIES...]
	local series tree status=0
	[ $# -gt 0 ] || set -- 6.12 7.3
	for series; do
		tree=$(source_tree "$series") || return 1
		(flock 9 && series_apply "$series" patched) 9>"$CACHE/build.lock" || status=1
		echo "$series: git am takes $(series_patches "$series" patched | wc -l) patches" \
			"on $(source_version "$series")"
		# shellcheck disable=SC2046
		"$tree/scripts/checkpatch.pl" --strict --no-tree --root="$tree" --terse --no-summary \
			$(series_patches "$series" patched) || status=1
	done
	return $status
}

# The files that the series changes, for x86-64 with 32-bit callers, which UML does not have.
suite_compile() { # SERIES
	local series=$1 objects
	objects=$(series_patches "$series" patched | xargs grep -h '^+++ b/.*\.c$' |
		sed 's|^+++ b/||; s|\.c$|.o|' | sort -u)
	# shellcheck disable=SC2086
	build_make "$series" patched x86 $objects && echo "$series: compiled" $objects
}

suite_series() { # SERIES
	suite_step "$1: patches" suite_check "$1"
	suite_step "$1: unpatched control" suite_guest "$1" base plain
	suite_step "$1: patched" suite_guest "$1" patched plain
	suite_step "$1: patched, KASAN and lockdep" suite_guest "$1" patched debug
	if [ -n "$(find "$KERNEL/controls" -name "$1-*.patch")" ]; then
		suite_step "$1: planted use-after-free, poisoned slabs" suite_planted "$1" plain
		suite_step "$1: planted use-after-free, KASAN" suite_planted "$1" debug
	fi
	suite_step "$1: patched, x86-64, 32-bit callers" suite_guest "$1" patched x86
	suite_end
}

suite_cost() { # [x86|plain]
	suite_guest 7.3 patched "${1:-x86}" bash /tests/cost.sh
}

suite_tools() {
	local tool
	for tool in flex bison bc cpio git make gcc; do
		command -v "$tool" >/dev/null || { echo "$tool is not installed"; return 1; }
	done
	[ -e /usr/include/libelf.h ] || { echo "libelf-dev is not installed"; return 1; }
}

# A step of CI, as a process of its own that ends with the time that is left: a download, a build, a
# guest or the wait for someone else's build lock. That the time did not suffice is no failure of
# what is tested. Not begun if less than NEEDED seconds are left.
suite_ci_step() { # NAME NEEDED COMMAND...
	local name=$1 needed=$2 left=$((SUITE_CI_SECONDS - SECONDS)) start=$SECONDS status=0
	shift 2
	if [ $left -lt "$needed" ]; then
		suite_skip "$name" "$SECONDS of $SUITE_CI_SECONDS s are gone"
		return 1
	fi
	echo "--- $name"
	# A guest has a timeout of its own, which this one does not end: let it be through first.
	GUEST_TIMEOUT=$((left - 15)) timeout -k 5 "$left" "$KERNEL/run" "$@" || status=$?
	case $status in
	0)	SUITE_PASSED=$((SUITE_PASSED + 1))
		echo "--- $name: passed ($((SECONDS - start)) s)"
		return 0 ;;
	2 | 124 | 137) suite_skip "$name" "not done in the $left s that were left" ;;
	*)	if [ "$1" = fetch ]; then
			suite_skip "$name" "its source package is not to be had"
			return 1
		fi
		SUITE_FAILED=$((SUITE_FAILED + 1))
		echo "--- $name: FAILED ($((SECONDS - start)) s)" ;;
	esac
	return 1
}

# What fits into CI. It takes EXTENTD_KERNEL_CI_SECONDS (300) and 5 more at the most, whatever hangs;
# guests only with a kernel that is in the cache already.
suite_ci() {
	local series variant missing
	SUITE_CI_SECONDS=${EXTENTD_KERNEL_CI_SECONDS:-300}
	if missing=$(suite_tools); then :; else
		suite_skip "kernel" "$missing"
		suite_end
		return
	fi
	for series in 6.12 7.3; do
		[ -s "$CACHE/source/$series.version" ] ||
			suite_ci_step "$series: source" 90 fetch "$series" || continue
		suite_ci_step "$series: patches" 20 check "$series" || true
	done
	for series in 6.12 7.3; do
		[ ! -s "$CACHE/source/$series.version" ] ||
			suite_ci_step "$series: compile" 90 compile "$series" || true
	done
	for variant in patched base; do
		for series in 6.12 7.3; do
			if [ -z "$(build_cached "$series" "$variant" plain)" ]; then
				suite_skip "$series: $variant guest" "no kernel in the cache"
			else
				suite_ci_step "$series: $variant guest" 60 guest "$series" "$variant" plain || true
			fi
		done
	done
	suite_end
}
