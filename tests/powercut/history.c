// SPDX-License-Identifier: GPL-2.0-or-later
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const kind_names[_KIND_N] = {
	[KIND_DATA] = "data",	[KIND_TREE] = "tree",	[KIND_LOG] = "log",
	[KIND_SUPER] = "super", [KIND_FLUSH] = "flush", [KIND_DISCARD] = "discard",
};

const char *history_kind_name(enum history_kind kind)
{
	return kind < _KIND_N ? kind_names[kind] : "?";
}

int history_kind_parse(const char *name)
{
	for (int kind = 0; kind < _KIND_N; kind++)
		if (!strcmp(name, kind_names[kind]))
			return kind;
	return -1;
}

int history_create(const char *path, struct history *out)
{
	*out = (struct history){ .lock = PTHREAD_MUTEX_INITIALIZER, .next_id = 1 };
	out->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out->fd < 0)
		return -errno;
	if (ftruncate(out->fd, HISTORY_MAX_SIZE) < 0)
		return -errno;
	out->map = mmap(NULL, HISTORY_MAX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			out->fd, 0);
	if (out->map == MAP_FAILED) {
		out->map = NULL;
		return -errno;
	}
	return 0;
}

int history_open(const char *path, struct history *out)
{
	struct stat st;

	*out = (struct history){ .lock = PTHREAD_MUTEX_INITIALIZER };
	out->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (out->fd < 0 || fstat(out->fd, &st) < 0)
		return -errno;
	out->used = st.st_size;
	out->map = mmap(NULL, HISTORY_MAX_SIZE, PROT_READ, MAP_SHARED | MAP_NORESERVE, out->fd, 0);
	if (out->map == MAP_FAILED) {
		out->map = NULL;
		return -errno;
	}
	return 0;
}

void history_close(struct history *history)
{
	bool writing = history->next_id != 0;

	if (history->map)
		munmap(history->map, HISTORY_MAX_SIZE);
	history->map = NULL;
	if (history->fd < 0)
		return;
	/* Without the cut the reader still stops at the first record without magic. */
	if (writing && ftruncate(history->fd, history->used) < 0)
		perror("history: cannot cut the file to its length");
	close(history->fd);
	history->fd = -1;
}

/* Records start on 8-byte boundaries, whatever the payload before them. */
static uint64_t padded(uint64_t length)
{
	return (length + 7) & ~7ULL;
}

int history_append(struct history *history, struct history_record *record, const void *payload,
		   const uint8_t **where)
{
	uint64_t size = sizeof(*record) + (payload ? padded(record->length) : 0);
	struct timespec now;
	uint8_t *at;

	pthread_mutex_lock(&history->lock);
	if (history->used + size > HISTORY_MAX_SIZE) {
		pthread_mutex_unlock(&history->lock);
		return -ENOSPC;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	record->magic = HISTORY_MAGIC;
	record->time_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	if (!record->id)
		record->id = history->next_id++;
	at = history->map + history->used;
	memcpy(at, record, sizeof(*record));
	if (payload)
		memcpy(at + sizeof(*record), payload, record->length);
	history->used += size;
	pthread_mutex_unlock(&history->lock);
	if (where)
		*where = at + sizeof(*record);
	return 0;
}

const struct history_record *history_next(const struct history *history, uint64_t *position)
{
	const struct history_record *record;
	uint64_t size = sizeof(*record);

	if (*position + size > history->used)
		return NULL;
	record = (const void *)(history->map + *position);
	if (record->magic != HISTORY_MAGIC)
		return NULL;
	if (record->type == HISTORY_WRITE || record->type == HISTORY_MARK)
		size += padded(record->length);
	if (*position + size > history->used)
		return NULL;
	*position += size;
	return record;
}
