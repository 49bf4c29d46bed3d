// SPDX-License-Identifier: GPL-2.0-or-later
#include "customer.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dice.h"
#include "pattern.h"

#define CONNECT_TRIES 100 /* of 100 ms: a killed daemon takes a moment to come back */
#define WAIT_MS	      60000

static void connect_session(struct customer *customer)
{
	for (int i = 0; i < CONNECT_TRIES; i++) {
		if (!extent_connect(customer->socket, &customer->session))
			return;
		usleep(100000);
	}
	errx(1, "no daemon at %s: %s", customer->socket, extent_error_text(NULL));
}

void customer_open(struct customer *customer, const char *socket, const char *dir,
		   const char *marks, uint64_t seed, uint32_t first_version, uint32_t first_file)
{
	*customer = (struct customer){ .socket = socket,
				       .dir = dir,
				       .marks = marks_open(marks),
				       .dice = seed,
				       .next_version = first_version,
				       .next_file = first_file };
	for (int i = 0; i < CUSTOMER_SLOTS; i++)
		customer->slots[i].customer = customer;
	connect_session(customer);
}

static void slot_free(struct purchase *slot)
{
	slot->id = 0;
	slot->answered = false;
	slot->synced = 0;
}

static void slot_verdict(struct purchase *slot, bool kept)
{
	struct customer *customer = slot->customer;

	marks_say(&customer->marks, "%c %u\n", kept ? 'A' : 'E', slot->encoded.version);
	if (kept)
		customer->acknowledged++;
	else
		customer->failed++;
	slot_free(slot);
}

static void write_done(struct extent_session *session, const struct extent_completion *c)
{
	struct purchase *slot = c->userdata;
	bool whole =
		c->file >= 0 && c->offset == slot->encoded.offset && c->len == slot->encoded.length;

	if (c->result == -ECONNRESET) {
		slot_free(slot); /* nobody knows: no verdict */
		slot->customer->broken = true;
		return;
	}
	if (!whole)
		errx(1, "version %u was answered for another range", slot->encoded.version);
	if (c->result < 0) {
		/* The loss must be told with file and range. */
		const char *text = extent_completion_text(session, c);

		if (!strstr(text, "file-"))
			errx(1, "an error that does not name the file: %s", text);
		printf("refused: %s\n", text);
		slot_verdict(slot, false);
	} else if (c->level == EXTENT_DURABLE && slot->ack == EXTENT_DURABLE) {
		slot_verdict(slot, true);
	} else if (c->level < slot->ack) {
		errx(1, "version %u was acknowledged below the level asked for",
		     slot->encoded.version);
	} else {
		slot->answered = true;
	}
}

/* LOST: an earlier acknowledgement below durable is taken back. */
static void take_lost(struct customer *customer)
{
	struct extent_completion c;

	while (extent_next_completion(customer->session, &c)) {
		if (c.kind != EXTENT_OP_LOST)
			continue;
		customer->lost++;
		for (int i = 0; i < CUSTOMER_SLOTS; i++) {
			struct purchase *slot = &customer->slots[i];

			if (slot->id != c.id)
				continue;
			if (c.offset != slot->encoded.offset || c.len != slot->encoded.length)
				errx(1, "LOST names another range than version %u had",
				     slot->encoded.version);
			slot_verdict(slot, false);
		}
	}
}

static void start_anew(struct customer *customer)
{
	extent_disconnect(customer->session);
	customer->session = NULL;
	customer->broken = false;
	customer->session_number++;
	for (int i = 0; i < CUSTOMER_SLOTS; i++)
		slot_free(&customer->slots[i]);
	connect_session(customer);
}

static void turn(struct customer *customer)
{
	time_t start = time(NULL);
	int r = extent_wait(customer->session, WAIT_MS);

	if (!r && time(NULL) - start >= WAIT_MS / 1000)
		errx(1, "the daemon has said nothing for %d s", WAIT_MS / 1000);
	if (r < 0)
		customer->broken = true;
	take_lost(customer);
	if (customer->broken)
		start_anew(customer);
}

static bool under_way(const struct customer *customer)
{
	for (int i = 0; i < CUSTOMER_SLOTS; i++)
		if (customer->slots[i].id && !customer->slots[i].answered)
			return true;
	return false;
}

void customer_drain(struct customer *customer)
{
	while (under_way(customer))
		turn(customer);
}

void customer_close(struct customer *customer)
{
	customer_drain(customer);
	extent_disconnect(customer->session);
	marks_close(&customer->marks);
	for (int i = 0; i < CUSTOMER_SLOTS; i++)
		encoded_release(&customer->slots[i].encoded);
}

void customer_stop(struct customer *customer, const char *path)
{
	if (!customer->aborts || (errno != EIO && errno != EROFS))
		err(1, "%s", path);
	warn("%s: the errand ends here", path);
	customer_close(customer);
	exit(0);
}

static void make_parents(struct customer *customer, const char *path)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			customer_stop(customer, copy);
		*slash = '/';
	}
}

static void give(struct customer *customer, struct customer_file *file)
{
	int r;

	do {
		if (customer->broken)
			start_anew(customer);
		r = extent_open_fd_wait(customer->session, file->fd, file->name, 0, &file->handle);
		take_lost(customer);
		customer->broken |= r == -ECONNRESET;
	} while (customer->broken);
	if (r < 0)
		errx(1, "%s: %s", file->name, extent_error_text(customer->session));
	file->session = customer->session_number;
}

void customer_create(struct customer *customer, const char *name, struct customer_file *out)
{
	char path[4096];

	*out = (struct customer_file){ .number = customer->next_file++, .handle = -1 };
	snprintf(out->name, sizeof(out->name), "%s", name);
	snprintf(path, sizeof(path), "%s/%s", customer->dir, name);
	make_parents(customer, path);
	out->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (out->fd < 0)
		customer_stop(customer, path);
	marks_say(&customer->marks, "F %u %s\n", out->number, name);
	give(customer, out);
}

void customer_finish(struct customer *customer, struct customer_file *file)
{
	if (file->handle >= 0 && file->session == customer->session_number)
		extent_close_wait(customer->session, file->handle);
	take_lost(customer);
	if (customer->broken)
		start_anew(customer);
	close(file->fd);
	file->fd = file->handle = -1;
}

static struct purchase *free_slot(struct customer *customer)
{
	for (;;) {
		unsigned int unsynced = 0;

		for (int i = 0; i < CUSTOMER_SLOTS; i++) {
			if (!customer->slots[i].id)
				return &customer->slots[i];
			unsynced += customer->slots[i].answered;
		}
		if (unsynced == CUSTOMER_SLOTS)
			customer_sync(customer, NULL);
		else
			turn(customer);
	}
}

static void payload(struct customer *customer, struct purchase *slot, bool plain,
		    struct extent_write *write)
{
	const struct encoded *e = &slot->encoded;
	void *buffer = NULL;

	write->compression = EXTENT_ZSTD;
	if (plain) {
		pattern_fill(e->version, e->file, e->offset, e->payload, e->length);
		slot->encoded.payload_length = e->length;
		write->compression = EXTENT_NONE;
	}
	write->payload = e->payload;
	write->payload_len = e->payload_length;
	/* Through shared memory or through the socket, as it falls. */
	if (dice_unit(&customer->dice) < 0.5)
		buffer = extent_buffer_get(customer->session, e->payload_length);
	if (buffer) {
		memcpy(buffer, e->payload, e->payload_length);
		write->payload = buffer;
		write->flags = EXTENT_BUFFER;
	}
}

void customer_write(struct customer *customer, struct customer_file *file, uint64_t offset,
		    uint32_t length, bool plain, enum extent_ack ack)
{
	struct purchase *slot = free_slot(customer);
	struct encoded *e = &slot->encoded;
	int64_t id;

	e->version = customer->next_version++;
	e->file = file->number;
	e->offset = offset;
	e->length = length;
	slot->ack = ack;
	if (encoded_prepare(e) < 0)
		errx(1, "out of memory");
	marks_say(&customer->marks, "I %u %u %" PRIu64 " %u\n", e->version, e->file, offset,
		  length);
	do {
		struct extent_write write = {
			.offset = offset, .len = length, .unencoded_len = length, .ack = ack
		};

		if (file->session != customer->session_number)
			give(customer, file);
		payload(customer, slot, plain, &write);
		write.file = file->handle;
		id = extent_write(customer->session, &write, write_done, slot);
		if (id < 0 && (write.flags & EXTENT_BUFFER))
			extent_buffer_put(customer->session, (void *)write.payload);
		if (id == -EAGAIN)
			turn(customer);
		else if (id < 0)
			start_anew(customer);
	} while (id < 0);
	slot->id = id;
}

static void sync_done(struct extent_session *session, const struct extent_completion *c)
{
	struct customer *customer = c->userdata;

	customer->sync_done = true;
	customer->sync_result = c->result;
	customer->broken |= c->result == -ECONNRESET;
}

int customer_sync(struct customer *customer, struct customer_file *file)
{
	unsigned long sessions = customer->session_number, lost = customer->lost;
	uint64_t number = ++customer->syncs;
	int64_t id;

	if (file && file->session != customer->session_number)
		return -ECONNRESET;
	for (int i = 0; i < CUSTOMER_SLOTS; i++) {
		struct purchase *slot = &customer->slots[i];

		if (slot->id && (!file || slot->encoded.file == file->number))
			slot->synced = number;
	}
	customer->sync_done = false;
	while ((id = extent_sync(customer->session, file ? file->handle : -1, sync_done,
				 customer)) == -EAGAIN)
		turn(customer);
	if (id < 0)
		start_anew(customer);
	while (!customer->sync_done && sessions == customer->session_number)
		turn(customer);
	if (sessions != customer->session_number)
		return -ECONNRESET;
	/* With -EIO and every loss named, what was not named is as safe as with 0. */
	for (int i = 0; i < CUSTOMER_SLOTS; i++) {
		struct purchase *slot = &customer->slots[i];

		if (!slot->id || slot->synced != number || !slot->answered)
			continue;
		if (!customer->sync_result || lost != customer->lost)
			slot_verdict(slot, true);
		else
			slot_verdict(slot, false);
	}
	return customer->sync_result;
}
