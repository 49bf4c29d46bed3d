#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# man.sh LIBRARY DIRECTORY: every exported function has a page, which names it in NAME and shows
# the declaration.
set -eu

bad=0
for f in $(readelf --wide --dyn-syms "$1" | sed -n 's/.* \(extent_[a-z_]*\)@@LIBEXTENT_.*/\1/p'); do
	page=$2/$f.3
	if [ ! -e "$page" ]; then
		echo "$f: no page"
		bad=1
		continue
	fi
	link=$(sed -n 's,^\.so man3/,,p' "$page")
	text=$(sed -e 's/\\//g' -e 's/\.SH "*NAME"*/NAME/' "$2/${link:-$f.3}" | tr -d '\n')
	case $text in
	*NAME*"$f"*SYNOPSIS*"$f("*DESCRIPTION*) ;;
	*)
		echo "$f: $page does not name and show it"
		bad=1
		;;
	esac
done
exit $bad
