# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Machines, as far as a network is concerned: namespaces joined by cables that can be pulled. For
# `. "$(dirname "$0")/hosts.sh"` behind sshd.sh:
#
#	make_host NAME NUMBER		a namespace; 10.99.NUMBER.2 is it, 10.99.NUMBER.1 this side
#	host_sshd NAME			its own sshd; sets ${NAME}_rsh and ${NAME}_address
#	on NAME command...		run there
#	unplug NAME, plug NAME		the cable
#	carried NAME			bytes that went to it
#
# This side is a namespace too, "here": on here extentctl ...

host_prefix=x$((BASHPID % 100000))

make_here() {
	ip netns add "$host_prefix-here" 2>"$work/ip.log" || skip "needs network namespaces: $(cat "$work/ip.log")"
	cleanup_fn ip netns delete "$host_prefix-here"
	on here ip link set lo up
}

on() {
	local name=$1

	shift
	ip netns exec "$host_prefix-$name" "$@"
}

make_host() {
	local name=$1 number=$2

	ip netns add "$host_prefix-$name" || fail "no namespace"
	cleanup_fn ip netns delete "$host_prefix-$name"
	on here ip link add "to-$name" type veth peer name eth0 netns "$host_prefix-$name" ||
		skip "needs veth"
	on here ip address add "10.99.$number.1/24" dev "to-$name"
	on here ip link set "to-$name" up
	on "$name" ip address add "10.99.$number.2/24" dev eth0
	on "$name" ip link set eth0 up
	on "$name" ip link set lo up
	printf -v "${name}_address" '%s' "10.99.$number.2"
}

host_sshd() {
	local name=$1 address=${1}_address

	start_sshd "${!address}" ip netns exec "$host_prefix-$name"
	printf -v "${name}_rsh" '%s' "$rsh"
}

unplug() { on here ip link set "to-$1" down; }
plug() { on here ip link set "to-$1" up; }
carried() { on here cat "/sys/class/net/to-$1/statistics/tx_bytes"; }
