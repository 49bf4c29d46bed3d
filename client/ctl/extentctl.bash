# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for extentctl

_extentctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words=

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W 'copy probe receive replicate snapshots status stdio verify --help --version' -- "$word")
		return
	fi
	case $before in
	--compress | -c)
		mapfile -t COMPREPLY < <(compgen -W 'zstd:3 zstd:1 zstd:15 zlib:3 zlib:9 lzo none' -- "$word")
		return
		;;
	--socket | -s | --ack-log | --file | -f | --root-mount | -m | --config | --snapshots | --metrics | --digest | --digest-out)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	case $command in
	copy)
		words='--compress --no-durable --durable --ack-log --no-target-directory --nodatacow --update
			--host --rsh --remote-program --bwlimit --spool-size --retries --patience --trust-source
			--socket --private --quiet --json --progress-fd --help --version'
		;;
	receive)
		words='--file --terminate-on-end --chroot --max-errors --root-mount --force-decompress
			--dump --resume --from --take-over --abort --checkpoint --dry-run --bwlimit --trust-source --strict --no-plan
			--direct --socket --private --quiet --verbose --json --progress-fd
			--host --rsh --remote-program --help --version'
		;;
	replicate)
		words='--config --snapshots --keep --rsh --remote-program --bwlimit --checkpoint --retries --retry-wait
			--trust-source --metrics --quiet --json --help --version'
		;;
	snapshots) words='--json --help --version' ;;
	probe) words='--socket --json --help --version' ;;
	status) words='--socket --json --watch --host --rsh --remote-program --help --version' ;;
	verify)
		words='--digest-out --digest --answers --content --host --rsh --remote-program --socket --quiet --json --help --version'
		;;
	stdio) words='--socket --private --help --version' ;;
	esac
	case $word in
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
		;;
	*)
		[ "$command" = status ] && return
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		;;
	esac
}
complete -F _extentctl extentctl
