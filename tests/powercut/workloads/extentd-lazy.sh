# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: the filesystem aborts when what was settled lazily is to be made durable'
needs=(errands ../../daemon/extentd ../integration/extent-poke)
must=(refused)
settled_lazily()
{
	EXTENTD_SOCKET=$socket "$bin/../integration/extent-poke" status | grep -q '^settles_lazy [1-9]'
}
drive()
{
	rig_daemon "$bin" || return 1
	errand one 40 1
	errands_done || return 1
	errand lazy 48
	for _ in $(seq 300); do
		settled_lazily && break
		sleep 0.1
	done
	settled_lazily || { echo "nothing was settled lazily"; return 1; }
	rig_faults "fail kind=super"
	touch "$mnt/go"
	errands_done || return 1
	cat "$rig/daemon.log"
	# The client is told of each; the administrator, too, by the name of files that are still open.
	grep -q '^errand=lazy .* lost=48 ' "$rig/drive.log" || { echo "not every loss was told"; return 1; }
	[ "$(grep -c '/file-.*131072 bytes at offset .* did not reach the disk' "$rig/daemon.log")" = 36 ] &&
		[ "$(grep -c ' inode [0-9]*: 131072 bytes at offset .* did not' "$rig/daemon.log")" = 12 ]
}
