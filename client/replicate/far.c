// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replicate/ending.h"
#include "replicate/far.h"
#include "replicate/notice.h"
#include "replicate/send.h"
#include "stream/throttle.h"

#define SPLICE_BYTES (1 << 20)
#define TICK_MS	     200

static void pair_close(int pair[2])
{
	closep(&pair[0]);
	closep(&pair[1]);
}

int far_begin(struct far *f, const char *name, const struct rsh *rsh, const char *const arguments[])
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, r = 0;

	*f = (struct far){ .name = name, .in = -1, .out = -1, .err = -1 };
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		r = -errno;
	if (!r) {
		fcntl(in[1], F_SETPIPE_SZ, SPLICE_BYTES);
		r = rsh_start(rsh, arguments, (const int[]){ in[0], out[1], err[1] }, &f->pid);
	}
	if (!r) {
		f->in = steal_fd(&in[1]);
		f->out = steal_fd(&out[0]);
		f->err = steal_fd(&err[0]);
	}
	pair_close(in);
	pair_close(out);
	pair_close(err);
	return r;
}

/* What comes from elsewhere may be shown: nothing but print in it. */
static void line_show(struct far *f)
{
	if (!f->line_size)
		return;
	for (size_t i = 0; i < f->line_size; i++)
		if ((unsigned char)f->line[i] < ' ' || f->line[i] == 127)
			f->line[i] = ' ';
	f->line[f->line_size] = '\0';
	memcpy(f->last, f->line, f->line_size + 1);
	if (ssh_refuses(f->last))
		memcpy(f->refusal, f->last, f->line_size + 1);
	notice(MESSAGE_NONE, LOG_WARNING, f->name, NULL, "%s", f->last);
	f->line_size = 0;
}

static void take_lines(struct far *f)
{
	char text[4096];
	ssize_t n = read(f->err, text, sizeof(text));

	if (n <= 0) {
		if (n < 0 && errno == EINTR)
			return;
		line_show(f);
		closep(&f->err);
		f->err = -1;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] == '\n' || text[i] == '\r' || f->line_size == sizeof(f->line) - 1)
			line_show(f);
		if (text[i] != '\n' && text[i] != '\r')
			f->line[f->line_size++] = text[i];
	}
}

static int take_report(struct far *f)
{
	char text[16384], *larger;
	ssize_t n = read(f->out, text, sizeof(text));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (!n) {
		close(f->out);
		f->out = -1;
		return 0;
	}
	if (f->report_size + (size_t)n > FAR_REPORT_MAX)
		return -EFBIG;
	larger = realloc(f->report, f->report_size + (size_t)n + 1);
	if (!larger)
		return -ENOMEM;
	f->report = larger;
	memcpy(f->report + f->report_size, text, (size_t)n);
	f->report_size += (size_t)n;
	f->report[f->report_size] = '\0';
	return 0;
}

static void sending_ended(struct far *f, struct pump *p)
{
	struct timespec t;

	if (p->from >= 0 && p->sent_all) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		*p->sent_all = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	}
	closep(&p->from);
	p->from = -1;
	closep(&f->in);
	f->in = -1;
}

/*
 * The stream's pages move from pipe to pipe: nothing is copied here. 1 if either side has to be
 * waited for.
 */
static int move(struct far *f, struct pump *p)
{
	size_t most = SPLICE_BYTES;
	ssize_t n;

	if (p->throttle)
		most = throttle_allows(p->throttle, most);
	if (!most)
		return 1;
	n = splice(p->from, NULL, f->in, NULL, most, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n > 0) {
		*p->sent += (uint64_t)n;
		if (p->throttle)
			throttle_used(p->throttle, (size_t)n);
		if (n < SEND_GATHER_BYTES)
			send_gather();
		return 0;
	}
	if (n < 0 && errno == EAGAIN)
		return 1;
	if (n < 0 && errno == EINTR)
		return 0;
	sending_ended(f, p); /* all sent; or nobody takes it any more, and says why */
	return 0;
}

/* Both ends of a move must be ready: the one that is gets waited for no more. */
static int turn(struct far *f, struct pump *p, bool *blocked)
{
	struct pollfd q[4] = { { .fd = f->out, .events = POLLIN },
			       { .fd = f->err, .events = POLLIN },
			       { .fd = -1, .events = POLLIN },
			       { .fd = -1, .events = POLLOUT } };
	int wait = TICK_MS, r = 0;

	if (p->from >= 0) {
		unsigned int pause = p->throttle ? throttle_pause_ms(p->throttle) : 0;

		if (pause) {
			wait = pause < TICK_MS ? (int)pause : TICK_MS;
		} else if (!*blocked) {
			wait = 0;
		} else {
			struct pollfd ready = { .fd = p->from, .events = POLLIN };

			if (poll(&ready, 1, 0) > 0)
				q[3].fd = f->in;
			else
				q[2].fd = p->from;
		}
		if (q[3].fd < 0)
			q[3] = (struct pollfd){ .fd = f->in, .events = 0 }; /* its end only */
	}
	if (poll(q, 4, wait) < 0)
		return errno == EINTR ? 0 : -errno;
	if (q[0].revents)
		r = take_report(f);
	if (!r && q[1].revents)
		take_lines(f);
	if (!r && p->from >= 0 && q[3].revents & POLLERR)
		sending_ended(f, p);
	if (!r && p->from >= 0)
		*blocked = move(f, p) > 0;
	if (p->tick)
		p->tick(p->userdata);
	return r;
}

/* Where nobody takes it, why will be said. */
static int give(int to, const uint8_t *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(to, bytes, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

int far_run(struct far *f, struct pump *p, int *status)
{
	bool blocked = false;
	int r = 0;

	if (p->first && !give(f->in, p->first, p->first_size))
		*p->sent += p->first_size;
	if (p->from < 0)
		sending_ended(f, p);
	while (!r && (p->from >= 0 || f->out >= 0 || f->err >= 0)) {
		if (p->stop && *p->stop) {
			kill(f->pid, SIGKILL);
			break;
		}
		r = turn(f, p, &blocked);
	}
	sending_ended(f, p);
	closep(&f->out);
	closep(&f->err);
	f->out = f->err = -1;
	*status = rsh_wait(f->pid);
	f->pid = 0;
	return r;
}

void far_free(struct far *f)
{
	free(f->report);
	f->report = NULL;
}
