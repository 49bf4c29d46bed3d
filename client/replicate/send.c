// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replicate/send.h"

#define GATHER_NS 8000000L

struct send {
	pthread_t thread;
	int subvolume, to;
	uint64_t parent;
	int result;
};

static unsigned int stream_version(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/sys/fs/btrfs/features/send_stream_version", "re");
	unsigned int version = 1;

	if (f && fscanf(f, "%u", &version) != 1)
		version = 1;
	return version;
}

static void *send_main(void *arg)
{
	struct send *s = arg;
	struct btrfs_ioctl_send_args args = {
		.send_fd = s->to,
		.parent_root = s->parent,
		.clone_sources = s->parent ? (__u64 *)&s->parent : NULL,
		.clone_sources_count = s->parent ? 1 : 0,
	};

	if (stream_version() >= 2) {
		args.flags = BTRFS_SEND_FLAG_VERSION | BTRFS_SEND_FLAG_COMPRESSED;
		args.version = 2;
	}
	s->result = ioctl(s->subvolume, BTRFS_IOC_SEND, &args) ? -errno : 0;
	close(s->to);
	return NULL;
}

int send_begin(int subvolume, uint64_t parent, struct send **out, int *stream)
{
	_cleanup_(freep) struct send *s = calloc(1, sizeof(*s));
	int ends[2], r;

	if (!s)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fcntl(ends[1], F_SETPIPE_SZ, SEND_PIPE_BYTES);
	*s = (struct send){ .subvolume = subvolume, .to = ends[1], .parent = parent };
	r = pthread_create(&s->thread, NULL, send_main, s);
	if (r) {
		close(ends[0]);
		close(ends[1]);
		return -r;
	}
	*stream = ends[0];
	*out = steal_ptr(&s);
	return 0;
}

void send_gather(void)
{
	const struct timespec t = { .tv_nsec = GATHER_NS };

	nanosleep(&t, NULL);
}

int send_end(struct send *s)
{
	int r;

	if (!s)
		return 0;
	pthread_join(s->thread, NULL);
	r = s->result;
	free(s);
	return r;
}
