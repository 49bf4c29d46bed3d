# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: flushes fail, the filesystem goes read-only; another one is served on'
needs=(errands ../../daemon/extentd)
must=(refused)
faults=("slow percent=5" "fail kind=flush skip=14")
drive() { aborted_under_clients; }
