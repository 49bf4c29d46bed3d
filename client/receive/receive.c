// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stream's way: read, checked, guarded, planned, executed in the subvolume that its first
 * command has begun. Checkpoints and resuming lie between commands: at a checkpoint nothing is held
 * back in the planner or in flight, and when a stream is taken up again, its commands are read and
 * their digest taken, but they go no further until the checkpoint's place is reached.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/guard.h"
#include "receive/input.h"
#include "receive/receive.h"
#include "receive/incoming.h"
#include "stream/stream.h"
#include "stream/throttle.h"

/* 8 blocks: the one being read, what the planner holds, and what a sink keeps in flight. */
#define BLOCK_SIZE  (2u << 20)
#define BLOCK_COUNT 8
/* A pipe as large as an unprivileged process may make it (/proc/sys/fs/pipe-max-size). */
#define PIPE_SIZE (1 << 20)

#define TICK_EVERY 16 /* commands; looking at the clock is cheap */

static int execute(void *userdata, const struct action *a)
{
	struct incoming *rx = userdata;
	enum stream_op op = a->type == ACTION_COMMAND ? a->command->op : 0;
	uint64_t max = rx->o->max_errors;
	int r;

	if (op == STREAM_C_END)
		return incoming_end(rx, a->position);
	if (op == STREAM_C_SUBVOL || op == STREAM_C_SNAPSHOT) {
		r = incoming_end(rx, a->position) ?: incoming_begin(rx, a->command);
		if (!r)
			return 0;
		/* Without it, every command that follows would be one more error. */
		if (!rx->o->rehearse)
			rx->skip = UINT64_MAX;
		return incoming_failed_at(rx, a->position, stream_op_name(op),
					  (struct stream_string){ 0 }, r, "");
	}
	r = incoming_execute(rx, a);
	/* Below the limit of errors the planner goes on as if nothing had been. */
	return rx->o->rehearse || max == 0 || rx->stats->errors < max ? 0 : r;
}

/* A fault between commands says nothing against those before it. */
static int stream_failed(struct incoming *rx, struct stream *s, int r)
{
	char text[512];

	if (r == -ECANCELED) {
		rx->first = rx->first ?: r;
		return r;
	}
	stream_fault_format(stream_fault(s), text, sizeof(text));
	incoming_tell(rx, LOG_ERR, "%s", text);
	if (stream_fault_recoverable(stream_fault(s)))
		return incoming_failed(rx, r);
	rx->stats->errors++;
	rx->first = rx->first ?: r;
	return r;
}

static int take(struct incoming *rx, struct stream_command *c)
{
	struct stream_string which;
	enum path_verdict v = command_guard(c, &which);
	int r;

	if (v != PATH_OK)
		return incoming_failed_at(rx, c->position, stream_op_name(c->op), which, -EPERM,
					  path_verdict_text(v));
	r = incoming_skip(rx, c);
	if (r)
		return r < 0 ? r : 0;
	r = planner_push(rx->planner, c);
	return r ?: incoming_passed(rx, c);
}

static int receive_stream(struct incoming *rx, struct stream *s)
{
	struct stream_command c;
	uint64_t max = rx->o->max_errors;
	int r;

	for (;;) {
		r = stream_next(s, &c);
		if (r == STREAM_DONE)
			return 0;
		if (r) {
			r = stream_failed(rx, s, r);
			if (!stream_fault_recoverable(stream_fault(s)))
				return r;
		} else {
			if (++rx->stats->commands % TICK_EVERY == 0) {
				rx->stats->stream_bytes = stream_position(s);
				incoming_look(rx);
				if (rx->o->tick)
					rx->o->tick(rx->o->userdata);
			}
			r = take(rx, &c);
			if (!r && c.op == STREAM_C_END && rx->o->stop_at_end)
				return 0;
		}
		if (r && !rx->o->rehearse && max && rx->stats->errors >= max)
			return r;
	}
}

int receive(const struct receive_options *options, struct receive_stats *stats)
{
	struct throttle throttle;
	struct input input = {
		.fd = options->input,
		.stop = options->stop,
		.throttle = options->rate ? &throttle : NULL,
	};
	struct incoming rx;
	struct block_source *pool = NULL;
	struct stream *s = NULL;
	mode_t mask = umask(0);
	int r;

	*stats = (struct receive_stats){ 0 };
	throttle_init(&throttle, options->rate);
	incoming_init(&rx, options, stats);
	/* Fewer wake-ups when it is a pipe; no harm when it is not, or when the limit is lower. */
	(void)fcntl(options->input, F_SETPIPE_SZ, PIPE_SIZE);
	r = block_pool_new(BLOCK_SIZE, BLOCK_COUNT, &pool);
	if (!r)
		r = stream_new(input_read, &input, pool, &s);
	if (!r)
		r = planner_new(options->literal, execute, &rx, &rx.planner);
	if (!r) {
		r = receive_stream(&rx, s);
		stats->stream_bytes = stream_position(s);
		incoming_break_off(&rx, stats->stream_bytes);
		if (options->tick)
			options->tick(options->userdata);
	}
	planner_free(rx.planner);
	stream_free(s);
	block_pool_free(pool);
	incoming_deinit(&rx);
	umask(mask);
	return rx.first ?: r;
}
