# SPDX-License-Identifier: GPL-2.0-or-later
about='control: the safe order on a disk that answers flushes and does nothing'
expect=lose
must=(unmountable)
faults=("lie")
mode=random
drive() { "$bin/writer" --dir="$mnt" --marks="$marks" --order=fiemap --extents=100 --batch=4 --passes=2; }
