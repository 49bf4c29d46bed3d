# SPDX-License-Identifier: GPL-2.0-or-later
# Kernel sources: fetched as Debian source packages, unpacked once, one git tree each.
#
# $CACHE/source/VERSION/tree is a git tree whose tag "base" is the package as Debian ships it.
# series_apply moves it between series with git, so only files that differ get a new time stamp
# and the object directories beside it stay good for an incremental build.

# A network that does not answer is given up, not waited for.
APT_LIMITS=(-o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=1)

source_say() { echo "kernel: $*" >&2; }

# The apt options for a release that the system's own sources do not name: the same archive and
# keyring as the system's, in a private directory, so that the system's lists stay as they are.
source_backports_options() { # RELEASE
	local apt=$CACHE/apt uri
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -1)
	[ -n "$uri" ] || { source_say "no Debian archive among apt's sources: run apt-get update"; return 1; }
	mkdir -p "$apt/lists/partial" "$apt/archives/partial"
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
		"$uri" "$1" /usr/share/keyrings/debian-archive-keyring.gpg >"$apt/extra.sources"
	APT_OPTIONS=(-o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt"
		-o Dir::Etc::sourcelist="$apt/extra.sources" -o Dir::Etc::sourceparts=-
		"${APT_LIMITS[@]}")
	apt-get "${APT_OPTIONS[@]}" update -qq >&2
}

# Prints the version of the source package in the cache, fetching it if need be.
source_version() { # SERIES
	local series=$1 package=linux-source-$1 known=$CACHE/source/$1.version version
	[ ! -s "$known" ] || { cat "$known"; return; }
	source_fetch "$series" >&2 || return 1
	cat "$known"
}

source_import() { # TREE WHAT
	cd "$1" &&
		git init -q . &&
		git config core.compression 0 &&
		git config gc.auto 0 &&
		git config user.name extentd &&
		git config user.email extentd@localhost &&
		nice -n 19 git add -Af . &&
		git commit -qm "$2" &&
		git tag base
}

source_fetch() { # SERIES
	local series=$1 package=linux-source-$1 dir=$CACHE/source deb version stage
	APT_OPTIONS=("${APT_LIMITS[@]}")
	mkdir -p "$dir"
	# What an interrupted one left.
	find "$dir" -maxdepth 1 -name '.fetch.*' -mmin +120 -exec rm -rf {} +
	if ! apt-cache show "$package" >/dev/null 2>&1; then
		source_backports_options "$(series_release "$series")" || return 1
	fi
	stage=$(mktemp -d "$dir/.fetch.XXXXXX")
	(cd "$stage" && apt-get -qq "${APT_OPTIONS[@]}" download "$package" 2>&1) ||
		{ source_say "cannot download $package (apt-get update run?)"; rm -rf "$stage"; return 1; }
	deb=$(echo "$stage"/*.deb)
	version=$(dpkg-deb -f "$deb" Version)
	source_say "unpacking $package $version"
	# Called where set -e is off: a tree that is not whole must not be taken for one.
	dpkg-deb -x "$deb" "$stage" && mkdir "$stage/tree" &&
		nice -n 19 tar xf "$stage"/usr/src/linux-source-*.tar.xz -C "$stage/tree" --strip-components=1 &&
		(source_import "$stage/tree" "$package $version") ||
		{ source_say "cannot unpack $package $version"; rm -rf "$stage"; return 1; }
	mkdir -p "$dir/$version"
	rm -rf "$dir/$version/tree"
	mv "$stage/tree" "$dir/$version/tree"
	rm -rf "$stage"
	echo "$version" >"$dir/$series.version"
}

source_tree() { # SERIES
	local version
	version=$(source_version "$1") || return 1
	echo "$CACHE/source/$version/tree"
}

# Where a series' package lives if the system's sources do not have it.
series_release() {
	cat "$KERNEL/$1/release"
}

# The patches of a variant: none, the series, or the series and a planted fault.
series_patches() { # SERIES VARIANT
	case $2 in
	base) ;;
	patched) find "$KERNEL/$1" -name '[0-9]*.patch' ! -name '0000-*' | sort ;;
	planted) find "$KERNEL/$1" -name '[0-9]*.patch' ! -name '0000-*' | sort
		find "$KERNEL/controls" -name "$1-*.patch" | sort ;;
	*) source_say "no variant $2: base, patched or planted"; return 1 ;;
	esac
}

# Brings the tree to a variant; git am must take every patch as it is. A file that ends up as it
# was gets its old time stamp back, or make would compile all that includes it for nothing.
series_apply() { # SERIES VARIANT
	local tree patches before kept file status=0
	tree=$(source_tree "$1") || return 1
	patches=$(series_patches "$1" "$2") || return 1
	rm -f "$tree/.git/index.lock" # of one that was killed: nobody else has the build lock
	git -C "$tree" am --abort 2>/dev/null || true
	before=$(git -C "$tree" rev-parse HEAD)
	kept=$(mktemp -d)
	(cd "$tree" && git diff -z --name-only --diff-filter=d base "$before" |
		xargs -0r cp -p --parents -t "$kept")
	git -C "$tree" checkout -qf --detach base
	# shellcheck disable=SC2086
	[ -z "$patches" ] || git -C "$tree" am -q $patches >&2 || status=1
	if [ $status = 0 ]; then
		(cd "$kept" && find . -type f) | while read -r file; do
			! cmp -s "$kept/$file" "$tree/$file" || touch -r "$kept/$file" "$tree/$file"
		done
	else
		git -C "$tree" am --abort
		source_say "$1: a patch of variant $2 does not apply"
	fi
	rm -rf "$kept"
	return $status
}
