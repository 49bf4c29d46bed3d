# SPDX-License-Identifier: GPL-2.0-or-later
# Guests: a small root tree for hostfs, and one boot of a kernel with a job in it.
#
# The root is a throw-away copy of just the programs that a job runs, since a guest that is root
# writes through hostfs. A guest's exit status proves nothing (a KASAN report does not change it):
# guest_boot asks for the success marker that guest-init prints last, and for a console without
# a kernel complaint.

GUEST_PROGRAMS="bash mount umount mkfs.btrfs btrfs losetup dmesg cat sleep mkdir mktemp rm rmdir ls
	grep sed sync truncate stat head tail cut date touch cp mv seq timeout env chmod wc cmp tr sort"

GUEST_COMPLAINTS='KASAN:|WARNING:|BUG:|BUG [a-z]|Oops|INFO: task .* blocked|possible (circular|recursive)'

# Copies programs, each to the place it has here, and the libraries they need.
guest_copy() { # ROOT PROGRAM...
	local root=$1 program
	shift
	for program; do
		install -D -m 755 "$program" "$root$program"
	done
	guest_libraries "$root" "$@"
}

guest_libraries() { # ROOT PROGRAM...
	local root=$1 lib
	shift
	# A static program makes ldd fail; the headings with the programs' names are not indented.
	{ ldd "$@" 2>/dev/null || true; } | sed -n 's|^\t[^/]*\(/[^ ]*\).*|\1|p' | sort -u |
	while read -r lib; do
		[ -e "$root$lib" ] || install -D -m 755 "$lib" "$root$lib"
	done
}

guest_root() { # ROOT
	local root=$1 link
	chmod 755 "$root" # for tests that act as another user
	mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,dev,proc,sys,tmp,run,etc,mnt,tests}
	for link in bin sbin lib lib64; do
		ln -sfn "usr/$link" "$root/$link"
	done
	# shellcheck disable=SC2046,SC2086
	guest_copy "$root" $(command -v $GUEST_PROGRAMS)
	install -m 755 "$KERNEL/tests/guest-init" "$root/init"
	install -m 755 "$KERNEL"/tests/*.sh "$root/tests/"
	tests_build "$root/tests"
	guest_libraries "$root" "$root"/tests/test-* "$root/tests/cutdisk"
}

tests_build() { # DIRECTORY
	local flags=(-std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -O1 -g -Wall -Wextra) test name
	# shellcheck disable=SC2046
	"${CC:-gcc}" "${flags[@]}" "$KERNEL/tests/cutdisk.c" -o "$1/cutdisk" \
		$(pkg-config --cflags --libs fuse3)
	for test in "$KERNEL"/tests/test-*.c; do
		name=$(basename "$test" .c)
		if [ "$name" = test-compat ]; then
			"${CC:-gcc}" "${flags[@]}" -m32 -static -idirafter /usr/include/x86_64-linux-gnu "$test" -o "$1/$name" 2>/dev/null ||
				source_say "no 32-bit C library: test-compat is not built"
			continue
		fi
		"${CC:-gcc}" "${flags[@]}" "$test" "$KERNEL"/tests/{encoded,fixed}.c -o "$1/$name" \
			-luring -lzstd -lcmocka -lpthread
	done
}

guest_job() { # ROOT EXPECT FLAVOUR COMMAND...
	local root=$1 expect=$2 flavour=$3
	shift 3
	[ -z "${GUEST_INSTALL:-}" ] || "$GUEST_INSTALL" "$root"
	{
		printf 'export EXPECT=%q\nexport FLAVOUR=%q\n' "$expect" "$flavour"
		printf 'export GUEST_COMMAND=%q\n' "${GUEST_COMMAND:-}"
		printf '%q ' "$@"
		echo
	} >"$root/job"
}

# Prints what the tests in a guest said, and judges the boot by it; 2 if it was not done in time.
guest_verdict() { # LOG STATUS
	sed -n '/^[][ .0-9]*Run \/init/I,$p' "$1" | tr -d '\r' |
		grep -vE '^(\[ *[0-9]+\.[0-9]+\]|BTRFS|loop[0-9]|btrfs_|Run /init|I/O error|sysrq|reboot)' || true
	if ! grep -q '^guest: job ' "$1" && { [ "$2" = 124 ] || [ "$2" = 137 ]; }; then
		source_say "guest not done in ${GUEST_TIMEOUT:-900} s, see $1"
		return 2
	fi
	if ! grep -q '^guest: job passed' "$1"; then
		source_say "guest failed (status $2), see $1"
		return 1
	fi
	if grep -E "$GUEST_COMPLAINTS" "$1" >&2; then
		source_say "the kernel complained, see $1"
		return 1
	fi
}

# Tells a guest what CPU time it has used, in nanoseconds, as the host counts it for the threads of
# the guest's processes: what other programs take from the guest is not in it, as it is in the
# guest's own figures. The guest makes /tests/ask.N and finds the answer in /tests/told.N.
guest_clock() { # ROOT
	local root=$1 ask number pid parent
	sleep 0.3
	parent=$(pgrep -f "linux mem=.*rootflags=$root " | tail -1) # timeout's child, not timeout
	while sleep 0.005 && kill -0 "$parent" 2>/dev/null; do
		for ask in "$root"/tests/ask.*; do
			number=${ask##*.}
			[ -e "$ask" ] && [ ! -e "$root/tests/told.$number" ] || continue
			for pid in $parent $(pgrep -P "$parent"); do
				cat "/proc/$pid"/task/*/schedstat
			done 2>/dev/null | awk '{ sum += $1 } END { printf "%.0f\n", sum }' >"$root/told"
			mv "$root/told" "$root/tests/told.$number"
			rm -f "$ask"
		done
	done
}

# Runs COMMAND in a guest; the console goes to LOG. 0 only if the guest says it passed.
guest_boot() { # KERNEL FLAVOUR LOG EXPECT COMMAND...
	local linux=$1 flavour=$2 log=$3 expect=$4 root memory=1G extra=() status=0
	shift 4
	root=$(mktemp -d "${TMPDIR:-/tmp}/extentd-guest.XXXXXX")
	guest_root "$root"
	guest_job "$root" "$expect" "$flavour" "$@"
	case $flavour in
	# Poison on free, red zones, sanity checks; not where cost is measured.
	plain) [[ "$*" = *cost* ]] || extra=(slab_debug=FZPU) ;;
	*) memory=3G extra=(kasan.fault=panic panic_on_warn=1) ;;
	esac
	case $("$linux" --version 2>/dev/null) in 6.12*) ;; *) extra+=(seccomp=on ncpus=2) ;; esac
	[[ "$*" != *cost* ]] || guest_clock "$root" &
	TMPDIR=/dev/shm timeout -k 5 "${GUEST_TIMEOUT:-900}" nice -n 5 "$linux" mem=$memory \
		rootfstype=hostfs rootflags="$root" rw init=/init con=null con0=null,fd:1 panic=-1 \
		"${extra[@]}" </dev/null >"$log" 2>&1 || status=$?
	rm -rf "$root"
	guest_verdict "$log" "$status"
}
