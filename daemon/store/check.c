// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/btrfs.h>
#include <stdlib.h>

#include "arena.h"
#include "check.h"
#include "file.h"
#include "inode.h"
#include "scratch.h"
#include "user.h"
#include "wire/codes.h"
#include "writer.h"

#define extent_of(j) ((struct extent *)((char *)(j)-offsetof(struct extent, job)))

static bool copy_needed(const struct extent *e)
{
	return e->arena && !e->arena->write_sealed && (e->level == PAYLOAD_FULL || e->early);
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
	workers_queue(store->cpu, &e->file->user->line, &e->job);
}

static void user_hungry(struct store *store, struct user *user)
{
	if (user->hungry)
		return;
	user->hungry = true;
	TAILQ_INSERT_TAIL(&store->hungry, user, hungry_entry);
}

/* Memory for the private copy; false: there is none, and the extent fails. */
static bool copy_hold(struct extent *e)
{
	e->memory = store_hold(e->file->store, e->file->user, e->payload_len);
	if (!e->memory) {
		e->code = WIRE_E_NO_MEMORY;
		return false;
	}
	e->memory_bytes = e->payload_len;
	return true;
}

void check_start(struct extent *e)
{
	struct store *store = e->file->store;
	struct user *user = e->file->user;

	e->data = e->memory ? e->memory : e->arena->map + e->arena_offset;
	e->data_len = e->payload_len;
	e->busy = true;

	if (copy_needed(e)) {
		/* In order of arrival, so that an extent never holds memory while it waits for
		 * one that waits for memory. */
		if (!TAILQ_EMPTY(&user->copying) || !store_has_room(store, user, e->payload_len)) {
			TAILQ_INSERT_TAIL(&user->copying, e, hungry);
			user_hungry(store, user);
			return;
		}
		if (!copy_hold(e)) {
			writer_checked(e);
			return;
		}
	}

	if (e->level == PAYLOAD_FULL && e->compression != BTRFS_ENCODED_IO_COMPRESSION_NONE) {
		check_queue(e);
		return;
	}
	check_run(&e->job);
	writer_checked(e);
}

static void decode_run(struct job *job)
{
	struct extent *e = extent_of(job);
	struct payload_scratch *scratch = scratch_get();
	struct payload_fault fault;
	unsigned char *out;
	int r;

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

	if (e->decoded) {
		if (e->memory)
			store_release(e->file->store, e->file->user, e->memory, e->memory_bytes);
		e->memory = NULL;
		e->data = (unsigned char *)e->decoded + e->unencoded_offset;
		e->data_len = e->len;
		e->form = WIRE_FORM_DECODED;
	}
	writer_checked(e);
}

/*
 * A payload of some bytes may decompress to 128 KiB, so that is counted too. By itself: were it
 * counted with the payloads, extents that hold one and wait for the other could wait for each
 * other. Only extents whose range is reserved come here; what holds decoded bytes has nothing
 * before it any more but the kernel.
 */
static bool decode_has_room(const struct store *store, const struct user *user, uint64_t bytes)
{
	return store_memory_left(store, store->decoded_bytes, user->decoded_bytes, bytes);
}

static void decode_queue(struct extent *e)
{
	struct store *store = e->file->store;

	e->decoded_bytes = e->unencoded_len;
	store->decoded_bytes += e->decoded_bytes;
	e->file->user->decoded_bytes += e->decoded_bytes;
	e->job.run = decode_run;
	e->job.done = decode_done;
	workers_queue(store->cpu, &e->file->user->line, &e->job);
}

void check_forget_decoded(struct extent *e)
{
	struct store *store = e->file->store;

	if (!e->decoded_bytes)
		return;
	free(e->decoded);
	e->decoded = NULL;
	store->decoded_bytes -= e->decoded_bytes;
	e->file->user->decoded_bytes -= e->decoded_bytes;
	e->decoded_bytes = 0;
	writer_pump_later(store);
}

void check_decode(struct extent *e)
{
	struct store *store = e->file->store;
	struct user *user = e->file->user;

	e->busy = true;
	if (TAILQ_EMPTY(&user->decoding) && decode_has_room(store, user, e->unencoded_len)) {
		decode_queue(e);
		return;
	}
	TAILQ_INSERT_TAIL(&user->decoding, e, hungry);
	user_hungry(store, user);
}

static void user_feed(struct store *store, struct user *user)
{
	struct extent *e;

	while ((e = TAILQ_FIRST(&user->copying)) &&
	       (e->doomed || store_has_room(store, user, e->payload_len))) {
		TAILQ_REMOVE(&user->copying, e, hungry);
		if (!e->doomed && copy_hold(e))
			check_queue(e);
		else
			writer_checked(e);
	}
	while ((e = TAILQ_FIRST(&user->decoding)) &&
	       (e->doomed || decode_has_room(store, user, e->unencoded_len))) {
		TAILQ_REMOVE(&user->decoding, e, hungry);
		if (!e->doomed)
			decode_queue(e);
		else
			writer_checked(e);
	}
}

void check_resume(struct store *store)
{
	struct user *last = TAILQ_LAST(&store->hungry, user_list), *user;

	/* Who was served goes to the end: the next time somebody else is first. */
	while ((user = TAILQ_FIRST(&store->hungry))) {
		TAILQ_REMOVE(&store->hungry, user, hungry_entry);
		user->hungry = false;
		user_ref(user); /* failing its last extent may close its last file */
		user_feed(store, user);
		if (!TAILQ_EMPTY(&user->copying) || !TAILQ_EMPTY(&user->decoding))
			user_hungry(store, user);
		user_unref(user);
		if (user == last)
			break;
	}
}
