#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# symbols.sh LIBRARY HEADER: the library exports exactly what the header declares, each with a
# version, and needs no library but libc.
set -eu

declared=$(sed -n 's/.*[ *]\(extent_[a-z_]*\)(struct extent_session.*/\1/p
	s/^[a-z].*[ *]\(extent_[a-z_]*\)(.*/\1/p' "$2" | grep -v callback | sort -u)
exported=$(readelf --wide --dyn-syms "$1" | awk '$5 == "GLOBAL" && $7 != "UND" && $4 == "FUNC" { print $8 }' | sort -u)
unversioned=$(echo "$exported" | grep -v '@@LIBEXTENT_' || true)
names=$(echo "$exported" | sed 's/@@.*//')

if [ "$declared" != "$names" ] || [ -n "$unversioned" ]; then
	echo "declared:" $declared
	echo "exported:" $names
	echo "without a version:" $unversioned
	exit 1
fi
needed=$(readelf --dynamic "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
	grep -v -e '^libc\.so' -e '^ld-linux' -e '^lib[a-z]*san\.so' || true)
if [ -n "$needed" ]; then
	echo "needs" $needed
	exit 1
fi
