# SPDX-License-Identifier: GPL-2.0-or-later
# The second kind of guest: real x86-64 code under QEMU's interpreter, for two things that UML can't
# do: 32-bit callers, and counting instructions. With -icount shift=0 the guest's clock advances one
# nanosecond an instruction, whatever else the machine is doing. Without ERMS, as the interpreter
# counts a string move as one instruction a byte, which would make copies dearer than they are.

qemu_boot() { # KERNEL LOG EXPECT COMMAND...
	local linux=$1 log=$2 expect=$3 work status=0
	shift 3
	command -v qemu-system-x86_64 >/dev/null ||
		{ source_say "qemu-system-x86_64 is not installed: apt-get install qemu-system-x86"; return 1; }
	work=$(mktemp -d "${TMPDIR:-/tmp}/extentd-guest.XXXXXX")
	mkdir "$work/root"
	guest_root "$work/root"
	guest_job "$work/root" "$expect" x86 "$@"
	(cd "$work/root" && find . | cpio -o -H newc --quiet) >"$work/initramfs"
	timeout -k 5 "${GUEST_TIMEOUT:-900}" nice -n 5 qemu-system-x86_64 -accel tcg -cpu max,-erms -smp 1 \
		-m 2G -icount shift=0,sleep=off -nographic -no-reboot -nodefaults -serial stdio \
		-kernel "$linux" -initrd "$work/initramfs" \
		-append "console=ttyS0 rdinit=/init panic=-1" </dev/null >"$log" 2>&1 || status=$?
	rm -rf "$work"
	guest_verdict "$log" "$status"
}
