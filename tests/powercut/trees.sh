#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whole trees on a disk after a cut.
#
#	trees.sh facts TREE		what is promised of one: names, contents, modes, owners, times,
#					extended attributes, links
#	trees.sh look DIR MOUNT NAME...	DIR/N.facts is what tree N must be. Each NAME must be there; and a
#					subvolume that looks received (read-only, with a received UUID)
#					must be whole, whether or not it was promised. A NAME with a
#					stream DIR/NAME.stream must look received.
#	trees.sh resume DIR MOUNT NAME...	that too; and what was received in part becomes whole with
#					$EXTENTCTL receive --resume
set -u -o pipefail

facts()
{
	cd "$1" || return 1
	find . -mindepth 1 -printf '%p %y %m %U:%G %n %T@ %l\n' | LC_ALL=C sort &&
		find . -type f -print0 | LC_ALL=C sort -z | xargs -0r md5sum &&
		find . ! -type l -print0 | LC_ALL=C sort -z |
		xargs -0r getfattr -d -m - -e hex --absolute-names 2>/dev/null
}

received()
{
	[ "$(stat -c %i "$1")" = 256 ] && btrfs property get -ts "$1" ro | grep -q true &&
		btrfs subvolume show "$1" | grep -qE 'Received UUID:[[:space:]]+[0-9a-f]{8}-'
}

whole() # DIR MOUNT NAME
{
	facts "$2/$3" 2>&1 | diff -a "$1/$3.facts" - >"$1/diff" && return
	echo "inspect: $3 is not what was promised: $(head -n 3 "$1/diff" | tr '\n' ' ')"
	return 1
}

look() # DIR MOUNT NAME...
{
	local dir=$1 mount=$2 name status=0

	shift 2
	for name in "$@"; do
		[ -e "$dir/$name.facts" ] && [ -d "$mount/$name" ] || {
			echo "inspect: $name is not there"
			status=1
			continue
		}
		[ ! -e "$dir/$name.stream" ] || received "$mount/$name" || {
			echo "inspect: $name is not sealed"
			status=1
		}
		(whole "$dir" "$mount" "$name") || status=1
	done
	for name in "$mount"/*/; do
		name=$(basename "$name")
		case " $* " in *" $name "*) continue ;; esac
		[ -e "$dir/$name.facts" ] && received "$mount/$name" || continue
		(whole "$dir" "$mount" "$name") || status=1
	done
	return $status
}

resume() # DIR MOUNT NAME...
{
	local dir=$1 mount=$2 part name status=0

	look "$@" || status=1
	for part in "$mount"/.*.partial; do
		name=$(basename "$part" .partial) name=${name#.}
		[ -e "$dir/$name.stream" ] || continue
		touch "$dir/resumed"
		timeout 120 "$EXTENTCTL" receive --direct --resume -q -f "$dir/$name.stream" "$mount" 2>"$dir/said" &&
			received "$mount/$name" || {
			echo "inspect: $name cannot be resumed: $(head -n 2 "$dir/said" | tr '\n' ' ')"
			status=1
			continue
		}
		(whole "$dir" "$mount" "$name") || status=1
	done
	return $status
}

"$@"
