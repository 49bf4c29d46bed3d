# SPDX-License-Identifier: GPL-2.0-or-later
# The second kind of guest: real x86-64 code under QEMU's interpreter, for what UML can't do: 32-bit
# callers, the threads of one process on two processors at once, and counting instructions. For that
# there is one processor, and with -icount shift=0 its clock advances one nanosecond an instruction,
# whatever else the machine is doing. Without ERMS, as the interpreter counts a string move as one
# instruction a byte, which would make copies dearer than they are. The guest's disk is a file in
# memory: its I/O is none of the guest's instructions and interrupts the guest when it is done.

qemu_boot() { # KERNEL LOG EXPECT COMMAND...
	local linux=$1 log=$2 expect=$3 work disk cpus=2 count=() status=0
	shift 3
	command -v qemu-system-x86_64 >/dev/null ||
		{ source_say "qemu-system-x86_64 is not installed: apt-get install qemu-system-x86"; return 1; }
	[[ "$*" != *cost* ]] || cpus=1 count=(-icount shift=0,sleep=off)
	work=$(mktemp -d "${TMPDIR:-/tmp}/extentd-guest.XXXXXX")
	mkdir "$work/root"
	guest_root "$work/root"
	guest_job "$work/root" "$expect" x86 env DISK=/dev/vda CPUS=$cpus "$@"
	disk=$(mktemp /dev/shm/extentd-guest.XXXXXX)
	truncate -s 1G "$disk"
	(cd "$work/root" && find . | cpio -o -H newc --quiet) >"$work/initramfs"
	# Sockets, as the firmware's table for kernels without ACPI names one processor of each.
	timeout -k 5 "${GUEST_TIMEOUT:-900}" nice -n 5 qemu-system-x86_64 -accel tcg -cpu max,-erms \
		-smp "$cpus,sockets=$cpus" "${count[@]}" -m 2G -nographic -no-reboot -nodefaults -serial stdio \
		-drive "file=$disk,format=raw,if=none,id=disk,cache=unsafe" -device virtio-blk-pci,drive=disk \
		-kernel "$linux" -initrd "$work/initramfs" \
		-append "console=ttyS0 rdinit=/init panic=-1" </dev/null >"$log" 2>&1 || status=$?
	rm -rf "$work" "$disk"
	guest_verdict "$log" "$status"
}
