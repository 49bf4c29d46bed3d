// SPDX-License-Identifier: GPL-2.0-or-later
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <spawn.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cutimage.h"
#include "verify.h"

#define LOOP_TRIES 16 /* others may take the free device between the two calls */

extern char **environ;

/* Returns a descriptor of a loop device that goes away with its last user, or -errno. */
static int loop_attach(int image_fd, char *path, size_t size)
{
	_cleanup_(closep) int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {
		.fd = image_fd,
		.block_size = CUT_SECTOR,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};

	if (control < 0)
		return -errno;
	for (int i = 0; i < LOOP_TRIES; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE), fd;

		if (number < 0)
			return -errno;
		snprintf(path, size, "/dev/loop%d", number);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (!ioctl(fd, LOOP_CONFIGURE, &config))
			return fd;
		close(fd);
		if (errno != EBUSY)
			return -errno;
	}
	return -EBUSY;
}

static int check_image(const char *image, bool *clean)
{
	char *argv[] = { (char *)"btrfs", (char *)"check", (char *)"--readonly", (char *)image,
			 NULL };
	posix_spawn_file_actions_t actions;
	int status, r;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	r = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	*clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : 0;
}

static int inspect(const struct ledger *ledger, const char *inspector, const char *mountpoint,
		   struct trial *trial)
{
	char command[8192];
	int n = snprintf(command, sizeof(command), "%s '%s'", inspector, mountpoint), status;

	for (unsigned int i = 0; i < ledger->n_done && n < (int)sizeof(command); i++)
		n += snprintf(command + n, sizeof(command) - n, " '%s'", ledger->done[i]);
	if (n >= (int)sizeof(command))
		return -E2BIG;
	status = system(command);
	if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
		return -ECANCELED;
	trial->broken = WEXITSTATUS(status);
	if (trial->broken && !trial->first[0])
		snprintf(trial->first, sizeof(trial->first), "the inspector is not content");
	return 0;
}

static int look_inside(const struct ledger *ledger, const char *mountpoint, struct trial *trial)
{
	_cleanup_(closep) int root = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? -errno : verify_tree(ledger, root, trial);
}

int trial_hold(const struct ledger *ledger, const char *inspector, const char *image,
	       const char *mountpoint, struct trial *out)
{
	_cleanup_(closep) int image_fd = open(image, O_RDWR | O_CLOEXEC);
	char device[32];
	int loop, r = 0;

	*out = (struct trial){ 0 };
	if (image_fd < 0)
		return -errno;
	loop = loop_attach(image_fd, device, sizeof(device));
	if (loop < 0)
		return loop;
	out->mounted = !mount(device, mountpoint, "btrfs", 0, NULL);
	if (!out->mounted)
		snprintf(out->first, sizeof(out->first), "cannot be mounted: %s", strerror(errno));
	close(loop);
	if (out->mounted) {
		r = look_inside(ledger, mountpoint, out);
		if (!r && inspector)
			r = inspect(ledger, inspector, mountpoint, out);
		if (umount(mountpoint) < 0 && !r)
			r = -errno;
	}
	if (r < 0)
		return r;
	r = check_image(image, &out->clean);
	if (!r && !out->clean && !out->first[0])
		snprintf(out->first, sizeof(out->first), "btrfs check found errors");
	return r;
}
