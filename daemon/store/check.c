// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/btrfs.h>
#include <pthread.h>
#include <stdlib.h>

#include "arena.h"
#include "check.h"
#include "file.h"
#include "inode.h"
#include "user.h"
#include "wire/codes.h"
#include "writer.h"

#define extent_of(j) ((struct extent *)((char *)(j)-offsetof(struct extent, job)))

/* Each worker has one scratch for as long as it lives. */
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void scratch_free(void *scratch)
{
	payload_scratch_free(scratch);
}

static void scratch_init(void)
{
	if (pthread_key_create(&scratch_key, scratch_free))
		abort();
}

static struct payload_scratch *scratch_get(void)
{
	struct payload_scratch *scratch;

	pthread_once(&scratch_once, scratch_init);
	scratch = pthread_getspecific(scratch_key);
	if (scratch)
		return scratch;
	if (payload_scratch_new(&scratch) < 0)
		return NULL;
	if (pthread_setspecific(scratch_key, scratch)) {
		payload_scratch_free(scratch);
		return NULL;
	}
	return scratch;
}

static bool copy_needed(const struct extent *e)
{
	return e->arena && e->level == PAYLOAD_FULL && !e->arena->write_sealed;
}

/* The result goes into the extent's outcome: the job owns that. */
static void check_payload(struct extent *e)
{
	struct payload_scratch *scratch = scratch_get();
	struct payload_fault fault;
	int r;

	if (!scratch) {
		e->code = WIRE_E_NO_MEMORY;
		return;
	}
	r = payload_check_part(scratch, e->compression, e->data, e->payload_len, e->unencoded_len,
			       e->unencoded_offset + e->len, e->level, &fault);
	if (r > 0) {
		e->code = fault.code;
		e->detail = fault.position;
	} else if (r < 0) {
		e->code = WIRE_E_NO_MEMORY;
	}
}

static void check_run(struct job *job)
{
	struct extent *e = extent_of(job);

	if (copy_needed(e)) {
		if (arena_copy(e->arena, e->arena_offset, e->memory, e->payload_len) < 0) {
			e->code = WIRE_E_ARENA_RANGE;
			return;
		}
		e->data = e->memory;
	}
	if (e->compression != BTRFS_ENCODED_IO_COMPRESSION_NONE)
		check_payload(e);
}

static void check_done(struct job *job)
{
	writer_checked(extent_of(job));
}

static void check_queue(struct extent *e)
{
	struct store *store = e->file->store;

	e->job.run = check_run;
	e->job.done = check_done;
	workers_queue(store->cpu, &e->job);
}

void check_start(struct extent *e)
{
	struct store *store = e->file->store;

	e->data = e->memory ? e->memory : e->arena->map + e->arena_offset;
	e->data_len = e->payload_len;
	e->busy = true;

	if (copy_needed(e)) {
		/* In order of arrival, so that an extent never holds memory while it waits for
		 * one that waits for memory. */
		if (!TAILQ_EMPTY(&store->copying) ||
		    !store_has_room(store, e->file->user, e->payload_len)) {
			TAILQ_INSERT_TAIL(&store->copying, e, copying);
			return;
		}
		e->memory = store_hold(store, e->file->user, e->payload_len);
		if (!e->memory) {
			e->code = WIRE_E_NO_MEMORY;
			writer_checked(e);
			return;
		}
		e->memory_bytes = e->payload_len;
	}

	if (e->level == PAYLOAD_FULL && e->compression != BTRFS_ENCODED_IO_COMPRESSION_NONE) {
		check_queue(e);
		return;
	}
	check_run(&e->job);
	writer_checked(e);
}

void check_resume(struct store *store)
{
	struct extent *e, *next;

	for (e = TAILQ_FIRST(&store->copying); e; e = next) {
		next = TAILQ_NEXT(e, copying);
		if (!store_has_room(store, e->file->user, e->payload_len))
			continue; /* another user may have some left */
		TAILQ_REMOVE(&store->copying, e, copying);
		e->memory = store_hold(store, e->file->user, e->payload_len);
		if (!e->memory) {
			e->code = WIRE_E_NO_MEMORY;
			writer_checked(e);
			continue;
		}
		e->memory_bytes = e->payload_len;
		check_queue(e);
	}
}

static void decode_run(struct job *job)
{
	struct extent *e = extent_of(job);
	struct payload_scratch *scratch = scratch_get();
	struct payload_fault fault;
	unsigned char *out;
	int r;

	/* Not from store_hold(), which is the loop's: decode_done() does the counting. */
	out = malloc(e->unencoded_len);
	if (!out || !scratch) {
		free(out);
		e->code = WIRE_E_NO_MEMORY;
		return;
	}
	r = payload_decode_part(scratch, e->compression, e->data, e->payload_len, out,
				e->unencoded_len, e->unencoded_offset + e->len, &fault);
	if (r) {
		free(out);
		e->code = r > 0 ? fault.code : WIRE_E_NO_MEMORY;
		e->detail = r > 0 ? fault.position : 0;
		return;
	}
	e->decoded = out;
}

static void decode_done(struct job *job)
{
	struct extent *e = extent_of(job);
	struct store *store = e->file->store;

	if (e->decoded) {
		if (e->memory)
			store_release(store, e->file->user, e->memory, e->memory_bytes);
		e->memory = e->decoded;
		e->memory_bytes = e->unencoded_len;
		store->held_bytes += e->memory_bytes;
		e->file->user->held_bytes += e->memory_bytes;
		e->decoded = NULL;
		e->data = (unsigned char *)e->memory + e->unencoded_offset;
		e->data_len = e->len;
		e->form = WIRE_FORM_DECODED;
	}
	writer_checked(e);
}

void check_decode(struct extent *e)
{
	e->busy = true;
	e->job.run = decode_run;
	e->job.done = decode_done;
	workers_queue(e->file->store->cpu, &e->job);
}
