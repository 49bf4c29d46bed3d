# SPDX-License-Identifier: GPL-2.0-or-later
about='control: marks that are not true, one of each sort'
expect=lose
must=(lost stale damaged short nameless foreign refused_intact broken)
inspect="'$here/trees.sh' look /nonexistent"
drive() { "$bin/perjurer" "$mnt" "$marks"; }
