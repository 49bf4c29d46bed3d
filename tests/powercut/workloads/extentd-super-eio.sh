# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: superblock writes fail, the filesystem goes read-only; another one is served on'
needs=(errands ../../daemon/extentd)
must=(refused)
faults=("slow percent=5" "fail kind=super skip=8")
drive() { aborted_under_clients; }
