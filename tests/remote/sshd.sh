# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A real sshd with throw-away keys, for `. "$(dirname "$0")/sshd.sh"` behind lib.sh:
#
#	make_keys			host key, user key, known_hosts for $sshd_name, in $ssh_dir
#	start_sshd [ADDRESS [WRAP...]]	on ADDRESS (127.0.0.1); run by WRAP, as "ip netns exec X"
#	$rsh				what to give to --rsh
#	$there				what to give to --remote-program

ssh_dir=$work/ssh
sshd_port=
sshd_options="ClientAliveInterval 5"
sshd_path=$PATH
sshd_name=extentd-test
rsh=
there=$extentctl

make_keys() {
	mkdir -m 700 "$ssh_dir" || fail "no room for keys"
	[ -d /run/sshd ] || mkdir -m 755 /run/sshd || fail "sshd needs /run/sshd"
	ssh-keygen -q -t ed25519 -N '' -f "$ssh_dir/host" || fail "ssh-keygen"
	ssh-keygen -q -t ed25519 -N '' -f "$ssh_dir/user" || fail "ssh-keygen"
	cp "$ssh_dir/user.pub" "$ssh_dir/authorized_keys"
	echo "$sshd_name $(cut -d ' ' -f 1,2 "$ssh_dir/host.pub")" >"$ssh_dir/known_hosts"
}

# No start-up file of this machine's shell is read. Where the port is somebody else's, sshd says so and ends: then another one is tried.
start_sshd() {
	local address=${1:-127.0.0.1} tries pid

	[ $# -eq 0 ] || shift
	for ((tries = 0; tries < 50; tries++)); do
		sshd_port=$((20000 + ($$ * 7 + tries * 13) % 12000))
		cat >"$ssh_dir/sshd_config" <<-END
			ListenAddress $address
			Port $sshd_port
			HostKey $ssh_dir/host
			AuthorizedKeysFile $ssh_dir/authorized_keys
			PidFile none
			UsePAM no
			StrictModes no
			PasswordAuthentication no
			PermitRootLogin prohibit-password
			AcceptEnv EXTENTD_* EXTENTD
			SetEnv HOME=$ssh_dir PATH=$sshd_path
			$sshd_options
			LogLevel ERROR
		END
		: >"$ssh_dir/log"
		"$@" /usr/sbin/sshd -D -e -f "$ssh_dir/sshd_config" 2>"$ssh_dir/log" &
		pid=$!
		wait_for 30 sshd_decided "$pid" "$address" "$@"
		if ! process_ended_or_zombie "$pid"; then
			cleanup_fn kill "$pid"
			rsh="ssh -F none -p $sshd_port -i $ssh_dir/user -o HostKeyAlias=$sshd_name"
			rsh+=" -o UserKnownHostsFile=$ssh_dir/known_hosts -o GlobalKnownHostsFile=none"
			rsh+=" -o BatchMode=yes -o IdentitiesOnly=yes -o LogLevel=ERROR"
			rsh+=" -o SendEnv=EXTENTD_* -o SendEnv=EXTENTD"
			rsh+=" -o ServerAliveInterval=5 -o ServerAliveCountMax=2"
			return 0
		fi
		wait "$pid"
		grep -q 'already in use' "$ssh_dir/log" || fail "sshd: $(cat "$ssh_dir/log")"
	done
	fail "no port for sshd"
}

# It has ended, or it tells its own key (and not that of another test's sshd).
sshd_decided() {
	local pid=$1 address=$2

	shift 2
	process_ended_or_zombie "$pid" && return 0
	"$@" ssh-keyscan -p "$sshd_port" -t ed25519 -T 2 "$address" 2>/dev/null |
		grep -qF "$(cut -d ' ' -f 2 "$ssh_dir/host.pub")"
}
