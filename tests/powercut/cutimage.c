// SPDX-License-Identifier: GPL-2.0-or-later
#include "cutimage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dice.h"

/* A write or discard that no flush has covered yet. */
struct pending {
	const struct history_record *record;
	uint64_t done; /* its place among the answers; 0: still in flight */
};

static const char *const mode_names[_CUT_N] = {
#define NAME(name) #name,
	CUT_MODES(NAME)
#undef NAME
};

const char *cut_mode_name(enum cut_mode mode)
{
	return mode_names[mode];
}

int cut_mode_parse(const char *name)
{
	for (int i = 0; i < _CUT_N; i++)
		if (!strcmp(name, mode_names[i]))
			return i;
	return -1;
}

void cutter_init(const struct history *history, int image, struct cutter *out)
{
	*out = (struct cutter){ .history = history, .image = image };
}

void cutter_deinit(struct cutter *cutter)
{
	free(cutter->pending);
	cutter->pending = NULL;
}

static int write_part(int fd, const struct history_record *record, uint64_t from, uint64_t length)
{
	const uint8_t *data = (const uint8_t *)history_payload(record) + from;

	if (record->type == HISTORY_DISCARD)
		return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 record->offset + from, length) < 0
			       ? -errno
			       : 0;
	while (length) {
		ssize_t n = pwrite(fd, data, length, record->offset + from);

		if (n < 0)
			return -errno;
		data += n;
		from += n;
		length -= n;
	}
	return 0;
}

static int cutter_add(struct cutter *cutter, const struct history_record *record)
{
	if (cutter->n_pending == cutter->room) {
		unsigned int room = cutter->room ? 2 * cutter->room : 1024;
		void *more = realloc(cutter->pending, room * sizeof(*cutter->pending));

		if (!more)
			return -ENOMEM;
		cutter->pending = more;
		cutter->room = room;
	}
	cutter->pending[cutter->n_pending++] = (struct pending){ record, 0 };
	return 0;
}

static int by_done(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;

	/* In flight sorts last, in order of arrival. */
	if (x->done != y->done)
		return x->done - 1 < y->done - 1 ? -1 : 1;
	return x->record < y->record ? -1 : x->record > y->record;
}

/* A flush was answered: what was answered before it arrived is durable. */
static int cutter_settle(struct cutter *cutter, uint64_t done_before)
{
	unsigned int kept = 0;
	int r;

	qsort(cutter->pending, cutter->n_pending, sizeof(*cutter->pending), by_done);
	for (unsigned int i = 0; i < cutter->n_pending; i++) {
		struct pending *pending = &cutter->pending[i];

		if (!pending->done || pending->done > done_before) {
			cutter->pending[kept++] = *pending;
			continue;
		}
		r = write_part(cutter->image, pending->record, 0, pending->record->length);
		if (r < 0)
			return r;
	}
	cutter->n_pending = kept;
	return 0;
}

static int cutter_answer(struct cutter *cutter, const struct history_record *record)
{
	for (unsigned int i = 0; i < cutter->n_flushes; i++) {
		uint64_t before = cutter->flushes[i].done_before;

		if (cutter->flushes[i].id != record->id)
			continue;
		cutter->flushes[i] = cutter->flushes[--cutter->n_flushes];
		return record->error ? 0 : cutter_settle(cutter, before);
	}
	for (unsigned int i = 0; i < cutter->n_pending; i++) {
		if (cutter->pending[i].record->id != record->id)
			continue;
		if (record->error)
			cutter->pending[i] = cutter->pending[--cutter->n_pending];
		else
			cutter->pending[i].done = ++cutter->done;
		return 0;
	}
	return 0; /* of a lying flush */
}

const struct history_record *cutter_step(struct cutter *cutter, int *error)
{
	const struct history_record *record = history_next(cutter->history, &cutter->position);

	*error = 0;
	if (!record)
		return NULL;
	switch (record->type) {
	case HISTORY_WRITE:
	case HISTORY_DISCARD:
		*error = cutter_add(cutter, record);
		break;
	case HISTORY_FLUSH:
		if (record->flags & HISTORY_LIE)
			break;
		if (cutter->n_flushes == ARRAY_SIZE(cutter->flushes)) {
			*error = -E2BIG;
			break;
		}
		cutter->flushes[cutter->n_flushes].id = record->id;
		cutter->flushes[cutter->n_flushes++].done_before = cutter->done;
		break;
	case HISTORY_DONE:
		*error = cutter_answer(cutter, record);
		break;
	}
	return record;
}

static int copy_sparse(int from, const char *path)
{
	_cleanup_(closep) int to = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	static char buffer[1 << 20];
	off_t data = 0, hole;
	struct stat st;

	if (to < 0 || fstat(from, &st) < 0 || ftruncate(to, st.st_size) < 0)
		return -errno;
	while ((data = lseek(from, data, SEEK_DATA)) >= 0) {
		hole = lseek(from, data, SEEK_HOLE);
		while (data < hole) {
			size_t want = hole - data < (off_t)sizeof(buffer) ? (size_t)(hole - data)
									  : sizeof(buffer);
			ssize_t n = pread(from, buffer, want, data);

			if (n <= 0 || pwrite(to, buffer, n, data) != n)
				return n < 0 ? -errno : -EIO;
			data += n;
		}
	}
	return errno == ENXIO ? steal_fd(&to) : -errno;
}

static int apply_torn(int fd, const struct history_record *record, uint64_t *dice)
{
	int r = 0;

	for (uint64_t at = 0; at < record->length && !r; at += CUT_SECTOR) {
		uint64_t left = record->length - at;

		if (dice_unit(dice) < 0.5)
			r = write_part(fd, record, at, left < CUT_SECTOR ? left : CUT_SECTOR);
	}
	return r;
}

static int apply_pending(int fd, struct pending *pending, unsigned int n, enum cut_mode mode,
			 uint64_t *dice)
{
	double kept = dice_unit(dice); /* of this cut; from nearly nothing to nearly all */
	int r = 0;

	qsort(pending, n, sizeof(*pending), by_done);
	if (mode == CUT_reorder || mode == CUT_torn)
		for (unsigned int i = n; i > 1; i--) {
			unsigned int k = dice_range(dice, 0, i);
			struct pending swapped = pending[i - 1];

			pending[i - 1] = pending[k];
			pending[k] = swapped;
		}
	for (unsigned int i = 0; i < n && !r; i++) {
		const struct history_record *record = pending[i].record;

		if (mode == CUT_keep ? !pending[i].done : dice_unit(dice) >= kept)
			continue;
		if (mode == CUT_torn && dice_unit(dice) < 0.5)
			r = apply_torn(fd, record, dice);
		else
			r = write_part(fd, record, 0, record->length);
	}
	return r;
}

int cutter_cut(const struct cutter *cutter, enum cut_mode mode, uint64_t seed, const char *out_path)
{
	_cleanup_(closep) int fd = copy_sparse(cutter->image, out_path);
	size_t size = cutter->n_pending * sizeof(*cutter->pending);
	_cleanup_(freep) struct pending *pending = NULL;

	if (fd < 0)
		return fd;
	if (mode == CUT_drop || !cutter->n_pending)
		return 0;
	pending = malloc(size);
	if (!pending)
		return -ENOMEM;
	memcpy(pending, cutter->pending, size);
	return apply_pending(fd, pending, cutter->n_pending, mode, &seed);
}
