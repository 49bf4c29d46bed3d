# SPDX-License-Identifier: GPL-2.0-or-later
# Kernels for the guests, kept by a key of all that goes into them.
#
# $CACHE/kernels/KEY/linux is a finished kernel; KEY covers the source package's version, the diff
# of every patch, the configuration fragments and the compiler. The object directories
# $CACHE/source/VERSION/objects-FLAVOUR are reused from build to build.
#
# Flavours: plain and debug are User-Mode Linux, x86 is for QEMU.

build_arch() { # FLAVOUR
	if [ "$1" = x86 ]; then echo x86_64; else echo um; fi
}

build_fragments() { # SERIES FLAVOUR
	echo "$KERNEL/config/base.config"
	case $2 in
	x86) echo "$KERNEL/config/x86.config" ;;
	*)	echo "$KERNEL/config/uml.config"
		[ "$1" = 6.12 ] || echo "$KERNEL/config/smp.config"
		[ "$2" = plain ] || echo "$KERNEL/config/debug.config" ;;
	esac
}

build_key() { # SERIES VARIANT FLAVOUR
	local version patches
	version=$(source_version "$1") || return 1
	patches=$(series_patches "$1" "$2") || return 1
	{
		echo "$version" "$3"
		"${CC:-gcc}" --version | head -1
		# What a patch does, not what it says: another message is no other kernel.
		# shellcheck disable=SC2086
		[ -z "$patches" ] || sed -s '1,/^---$/d' $patches
		# shellcheck disable=SC2046
		cat $(build_fragments "$1" "$3")
	} | sha256sum | cut -c1-16
}

build_configure() { # TREE OBJECTS ARCH FRAGMENT...
	local tree=$1 objects=$2 arch=$3 line
	shift 3
	mkdir -p "$objects"
	{
		make -s -C "$tree" ARCH="$arch" O="$objects" allnoconfig &&
		(cd "$objects" && ARCH=$arch "$tree/scripts/kconfig/merge_config.sh" -m -O . .config "$@") &&
		make -s -C "$tree" ARCH="$arch" O="$objects" olddefconfig
	} >"$objects/configure.log" 2>&1 || { tail -5 "$objects/configure.log" >&2; return 1; }
	# The last fragment that names a symbol decides; a line that did not take is an error.
	awk '/^CONFIG_/ { split($0, part, "="); want[part[1]] = $0 }
	     /^# CONFIG_.* is not set/ { delete want[$2] }
	     END { for (name in want) print want[name] }' "$@" | while read -r line; do
		grep -qxF -- "$line" "$objects/.config" || { source_say "$line did not take"; exit 1; }
	done
}

# Prints the path of a kernel in the cache and nothing if there is none. Fetches nothing.
build_cached() { # SERIES VARIANT FLAVOUR
	local key
	[ -s "$CACHE/source/$1.version" ] || return 0
	key=$(build_key "$@") || return 1
	[ ! -x "$CACHE/kernels/$key/linux" ] || echo "$CACHE/kernels/$key/linux"
}

# Makes the given targets of a variant in its object directory. One build at a time.
build_make() { # SERIES VARIANT FLAVOUR TARGET...
	local series=$1 variant=$2 flavour=$3 tree objects arch fragments
	shift 3
	tree=$(source_tree "$series") || return 1
	objects=${tree%/tree}/objects-$flavour
	arch=$(build_arch "$flavour")
	mapfile -t fragments < <(build_fragments "$series" "$flavour")
	(
		flock 9
		series_apply "$series" "$variant" || exit 1
		source_say "building $series $variant $flavour: $* (log: $objects/build.log)"
		build_configure "$tree" "$objects" "$arch" "${fragments[@]}" || exit 1
		nice -n 19 make -s -C "$tree" ARCH="$arch" O="$objects" "-j${JOBS:-2}" "$@" \
			>"$objects/build.log" 2>&1 || { tail -20 "$objects/build.log" >&2; exit 1; }
		[ -z "${BUILD_OUT:-}" ] || build_keep "$objects" "$BUILD_OUT" "$series $variant $flavour"
	) 9>"$CACHE/build.lock"
}

build_keep() { # OBJECTS OUT WHAT
	local image=$1/linux
	[ -e "$image" ] || image=$1/arch/x86/boot/bzImage
	mkdir -p "$2"
	cp "$image" "$2/linux.new"
	chmod 755 "$2/linux.new"
	echo "$3" >"$2/what"
	mv "$2/linux.new" "$2/linux"
}

# Prints the path of the kernel, building it if it is not in the cache.
build_kernel() { # SERIES VARIANT FLAVOUR
	local key out target=linux
	key=$(build_key "$@") || return 1
	out=$CACHE/kernels/$key
	[ "$3" != x86 ] || target=bzImage
	[ -x "$out/linux" ] || BUILD_OUT=$out build_make "$1" "$2" "$3" "$target" || return 1
	echo "$out/linux"
}
