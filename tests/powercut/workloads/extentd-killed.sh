# SPDX-License-Identifier: GPL-2.0-or-later
about='extentd: kill -9 of the daemon and of clients under load, started again at once'
needs=(errands ../../daemon/extentd)
faults=("slow percent=5")
drive()
{
	local i victim status
	rig_daemon "$bin" || return 1
	errand one 150 0
	errand many 128 1
	errand names 60 2
	errand one 1000 3
	victim=${clients[3]}
	unset 'clients[3]'
	for i in 1 2 3; do
		sleep 0.$((seed % 5 + 2))
		rig_daemon_kill
		rig_daemon "$bin" || return 1
	done
	kill -KILL "$victim"
	wait "$victim" 2>/dev/null
	errands_done
	status=$?
	return $status
}
