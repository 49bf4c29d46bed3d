// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads each file block by block. A block tells its own version, so one look decides: allowed
 * by the ledger or not, and if not, what sort of loss it is. Losses are counted by version, not
 * by block: an extent of 32 blocks is lost once.
 */
#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pattern.h"

#define CHUNK (32 * PATTERN_BLOCK)

struct view {
	const struct ledger *ledger;
	struct trial *trial;
	uint32_t number;
	const struct ledger_file *file;
	uint64_t size;
	uint32_t last_bad; /* version counted last */
	uint8_t *seen;	   /* by refused version: blocks found whole */
};

/* A version that was under way over this block when the power went; 0: none. */
static uint32_t under_way(const struct view *view, uint64_t block)
{
	for (uint32_t v = 1; v < view->ledger->n_versions; v++)
		if (view->ledger->issues[v].state == ISSUE_ASKED &&
		    ledger_allows(view->ledger, view->number, block, v))
			return v;
	return 0;
}

static void note(struct view *view, uint64_t block, const char *what, uint32_t version)
{
	struct trial *trial = view->trial;

	if (!trial->first[0])
		snprintf(trial->first, sizeof(trial->first),
			 "%s (file %u) offset %llu version %u: %s (%u under way)",
			 view->file->names[0], view->number,
			 (unsigned long long)block * PATTERN_BLOCK, version, what,
			 under_way(view, block));
}

/* The promise of @block is broken. */
static void blame(struct view *view, uint64_t block, uint32_t *counter, const char *what)
{
	uint32_t version = view->file->blocks[block].floor_version;

	if (version == view->last_bad)
		return;
	view->last_bad = version;
	(*counter)++;
	note(view, block, what, version);
}

/* How much of @block the file's own contents must fill: the end of an extent may lie in it. */
static size_t block_length(const struct view *view, uint64_t block, uint32_t version)
{
	const struct issue *issue = &view->ledger->issues[version];
	uint64_t end = issue->offset + issue->length, at = block * PATTERN_BLOCK;

	return version < view->ledger->n_versions && end > at && end < at + PATTERN_BLOCK
		       ? end - at
		       : PATTERN_BLOCK;
}

static void look(struct view *view, uint64_t block, const uint8_t *bytes, size_t got)
{
	const struct ledger_block *promise = &view->file->blocks[block];
	enum pattern_finding finding;
	struct pattern_id id = { 0 };
	size_t length = got;

	if (got >= PATTERN_MIN) {
		memcpy(&id.version, bytes + 4, sizeof(id.version));
		length = block_length(view, block, id.version);
		if (length > got)
			length = got;
	}
	finding = got ? pattern_read(bytes, length, &id) : PATTERN_ZERO;
	if (finding == PATTERN_ZERO) {
		if (!promise->loose)
			blame(view, block, got ? &view->trial->lost : &view->trial->shortened,
			      got ? "lost, zeros" : "the file ends before it");
	} else if (finding == PATTERN_INTACT && id.file == view->number && id.block == block &&
		   ledger_allows(view->ledger, view->number, block, id.version)) {
		if (view->ledger->issues[id.version].state == ISSUE_REFUSED &&
		    view->seen[id.version] < UINT8_MAX)
			view->seen[id.version]++;
		/* A whole block that the file's end cuts off. */
		if (got < block_length(view, block, id.version) && !promise->loose)
			blame(view, block, &view->trial->shortened, "the file ends inside it");
	} else if (promise->floor) {
		bool stale =
			finding == PATTERN_INTACT && id.file == view->number && id.block == block;

		blame(view, block, stale ? &view->trial->stale : &view->trial->damaged,
		      stale ? "an older version" : "bytes nobody wrote there");
	} else {
		view->trial->foreign++;
		note(view, block, "unpromised, bytes nobody wrote there", id.version);
	}
}

static void look_unreadable(struct view *view, uint64_t block)
{
	if (view->file->blocks[block].floor) {
		blame(view, block, &view->trial->damaged, "cannot be read");
	} else {
		view->trial->unreadable++;
	}
}

/* An error inside the chunk cuts the read short: then block by block. */
static void look_block(struct view *view, int fd, uint64_t block)
{
	uint8_t bytes[PATTERN_BLOCK];
	ssize_t n = pread(fd, bytes, sizeof(bytes), block * PATTERN_BLOCK);

	if (n < 0)
		look_unreadable(view, block);
	else
		look(view, block, bytes, n);
}

static void look_at_file(struct view *view, int fd)
{
	static uint8_t buffer[CHUNK];

	for (uint64_t at = 0; at < view->file->n_blocks; at += CHUNK / PATTERN_BLOCK) {
		ssize_t n = pread(fd, buffer, CHUNK, at * PATTERN_BLOCK);

		for (uint64_t i = 0; i < CHUNK / PATTERN_BLOCK && at + i < view->file->n_blocks;
		     i++) {
			if (n >= (ssize_t)((i + 1) * PATTERN_BLOCK))
				look(view, at + i, buffer + i * PATTERN_BLOCK, PATTERN_BLOCK);
			else
				look_block(view, fd, at + i);
		}
	}
}

static int open_file(const struct view *view, int root_fd)
{
	for (unsigned int i = 0; i < view->file->n_names; i++) {
		int fd = openat(root_fd, view->file->names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

		if (fd >= 0)
			return fd;
	}
	return -errno;
}

static void count_refused_intact(const struct view *view)
{
	for (uint32_t v = 1; v < view->ledger->n_versions; v++) {
		const struct issue *issue = &view->ledger->issues[v];

		view->trial->refused_intact +=
			issue->state == ISSUE_REFUSED &&
			view->seen[v] >= (issue->length + PATTERN_BLOCK - 1) / PATTERN_BLOCK;
	}
}

int verify_tree(const struct ledger *ledger, int root_fd, struct trial *trial)
{
	_cleanup_(freep) uint8_t *seen = calloc(ledger->n_versions + 1, 1);
	struct view view = { .ledger = ledger, .trial = trial, .seen = seen };

	if (!seen)
		return -ENOMEM;
	for (view.number = 0; view.number < ledger->n_files; view.number++) {
		_cleanup_(closep) int fd = -1;

		view.file = &ledger->files[view.number];
		if (!view.file->n_names)
			continue;
		view.last_bad = 0;
		fd = open_file(&view, root_fd);
		if (fd >= 0) {
			look_at_file(&view, fd);
		} else if (view.file->promised) {
			trial->nameless++;
			note(&view, 0, "no such file", 0);
		}
	}
	count_refused_intact(&view);
	return 0;
}
