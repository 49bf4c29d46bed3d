/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "privilege/privilege.h"

/* The inode number of the initial user namespace: PROC_USER_INIT_INO of linux/proc_ns.h. */
#define INITIAL_USER_NAMESPACE 0xeffffffdU

static const cap_value_t kept[] = { CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID };

static void cap_freep(cap_t *c)
{
	if (*c)
		cap_free(*c);
}

static bool is_kept(cap_value_t c)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (kept[i] == c)
			return true;
	return false;
}

/* A bounding set can only be cut by who has CAP_SETPCAP: root by hand has, the unit does it. */
static int drop_bounding_set(void)
{
	for (cap_value_t c = 0; cap_get_bound(c) >= 0; c++)
		if (!is_kept(c) && cap_get_bound(c) && cap_drop_bound(c) && errno != EPERM)
			return -errno;
	return 0;
}

static int keep_only(void)
{
	_cleanup_(cap_freep) cap_t have = cap_get_proc();
	_cleanup_(cap_freep) cap_t want = cap_init(); /* all clear */
	_cleanup_(cap_freep) cap_t now = NULL;

	if (!have || !want)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		cap_flag_value_t permitted;

		if (cap_get_flag(have, kept[i], CAP_PERMITTED, &permitted))
			return -errno;
		if (permitted == CAP_SET &&
		    (cap_set_flag(want, CAP_PERMITTED, 1, &kept[i], CAP_SET) ||
		     cap_set_flag(want, CAP_EFFECTIVE, 1, &kept[i], CAP_SET)))
			return -errno;
	}
	if (cap_set_proc(want))
		return -errno;
	now = cap_get_proc();
	if (!now)
		return -errno;
	return cap_compare(now, want) ? -EPERM : 0;
}

int privilege_drop(void)
{
	int error;

	error = drop_bounding_set();
	if (error)
		return error;
	if (cap_reset_ambient())
		return -errno;
	error = keep_only();
	if (error)
		return error;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
#ifndef EXTENTD_SANITIZED
	/*
	 * Nobody of the same uid shall trace us or take our descriptors by /proc. Leak detection
	 * traces its own process, so builds with a sanitizer go without.
	 */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
#endif
	return 0;
}

bool privilege_encoded_io(void)
{
	_cleanup_(cap_freep) cap_t have = cap_get_proc();
	cap_flag_value_t effective = CAP_CLEAR;
	struct stat st;

	if (!have || cap_get_flag(have, CAP_SYS_ADMIN, CAP_EFFECTIVE, &effective))
		return false;
	if (effective != CAP_SET)
		return false;
	if (stat("/proc/self/ns/user", &st) < 0) /* a kernel without user namespaces */
		return errno == ENOENT && !access("/proc/self/ns", F_OK);
	return st.st_ino == INITIAL_USER_NAMESPACE;
}
