# SPDX-License-Identifier: GPL-2.0-or-later
#
# Kernel fault, watched and not judged: while the first log commit of a transaction is under way,
# a second fsync of the same inode returns at once (btrfs_inode_in_log() compares 0 with 0). So no
# order is safe when two fsyncs of a file overlap; extentd never lets them.
about='two threads, one file, each in the safe order with an fsync of its own'
expect=watch
faults=("slow kind=super percent=100 min=20 max=30")
drive()
{
	"$bin/writer" --dir="$mnt" --marks="$marks" --order=fiemap --extents=64 --batch=4 --jobs=2
}
