// SPDX-License-Identifier: GPL-2.0-or-later
#include "ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"

#define LINE_MAX_BYTES 512

int ledger_init(struct ledger *out)
{
	*out = (struct ledger){ 0 };
	/* Untouched pages of these cost nothing. */
	out->issues = calloc(LEDGER_MAX_VERSIONS, sizeof(*out->issues));
	out->files = calloc(LEDGER_MAX_FILES, sizeof(*out->files));
	if (!out->issues || !out->files) {
		ledger_deinit(out);
		return -ENOMEM;
	}
	return 0;
}

void ledger_deinit(struct ledger *ledger)
{
	for (uint32_t i = 0; ledger->files && i < ledger->n_files; i++) {
		for (unsigned int k = 0; k < ledger->files[i].n_names; k++)
			free(ledger->files[i].names[k]);
		free(ledger->files[i].blocks);
	}
	for (unsigned int i = 0; i < ledger->n_done; i++)
		free(ledger->done[i]);
	free(ledger->files);
	free(ledger->issues);
	*ledger = (struct ledger){ 0 };
}

static struct ledger_file *ledger_file(struct ledger *ledger, uint32_t number)
{
	if (number >= LEDGER_MAX_FILES)
		return NULL;
	if (number >= ledger->n_files)
		ledger->n_files = number + 1;
	return &ledger->files[number];
}

/* Makes room for the blocks of a range; *first and *end are theirs. */
static int file_blocks(struct ledger_file *file, uint64_t offset, uint64_t length, uint64_t *first,
		       uint64_t *end)
{
	*first = offset / PATTERN_BLOCK;
	*end = (offset + length + PATTERN_BLOCK - 1) / PATTERN_BLOCK;
	if (*end > LEDGER_MAX_BLOCKS || *end < *first)
		return -EINVAL;
	if (*end > file->n_blocks) {
		struct ledger_block *blocks = realloc(file->blocks, *end * sizeof(*blocks));

		if (!blocks)
			return -ENOMEM;
		memset(blocks + file->n_blocks, 0, (*end - file->n_blocks) * sizeof(*blocks));
		for (uint64_t i = file->n_blocks; i < *end; i++)
			blocks[i].loose = true;
		file->blocks = blocks;
		file->n_blocks = *end;
	}
	return 0;
}

static int take_name(struct ledger *ledger, char what, uint32_t number, const char *path)
{
	struct ledger_file *file = ledger_file(ledger, number);

	if (!file)
		return -EINVAL;
	if (what == 'N') {
		file->settled = file->n_names - 1;
		file->settled_at = ledger->orders;
		return 0;
	}
	if (file->n_names == LEDGER_MAX_NAMES)
		return -EINVAL;
	file->names[file->n_names] = strdup(path);
	if (!file->names[file->n_names])
		return -ENOMEM;
	file->n_names++;
	return 0;
}

static int take_issue(struct ledger *ledger, uint32_t version, uint32_t number, uint64_t offset,
		      uint64_t length)
{
	struct ledger_file *file = ledger_file(ledger, number);
	uint64_t first, end;

	if (!file || !version || version >= LEDGER_MAX_VERSIONS || ledger->issues[version].state)
		return -EINVAL;
	if (version >= ledger->n_versions)
		ledger->n_versions = version + 1;
	ledger->issues[version] = (struct issue){
		.version = version,
		.file = number,
		.offset = offset,
		.length = length,
		.state = ISSUE_ASKED,
		.order = ++ledger->orders,
	};
	ledger->asked++;
	return file_blocks(file, offset, length, &first, &end);
}

/* The oldest names go, now that the file was made durable under a newer one. */
static void file_pin_name(struct ledger_file *file)
{
	for (unsigned int i = 0; i < file->settled; i++)
		free(file->names[i]);
	file->n_names -= file->settled;
	memmove(file->names, file->names + file->settled, file->n_names * sizeof(*file->names));
	file->settled = 0;
}

static int take_verdict(struct ledger *ledger, char what, uint32_t version)
{
	struct ledger_file *file;
	struct issue *issue;
	uint64_t first, end;

	if (version >= ledger->n_versions || ledger->issues[version].state != ISSUE_ASKED)
		return -EINVAL;
	issue = &ledger->issues[version];
	file = &ledger->files[issue->file];
	issue->state = what == 'A' ? ISSUE_ACKNOWLEDGED : ISSUE_REFUSED;
	if (what == 'A') {
		ledger->acknowledged++;
		file->promised = true;
		if (issue->order > file->settled_at)
			file_pin_name(file);
	} else {
		ledger->refused++;
	}
	if (file_blocks(file, issue->offset, issue->length, &first, &end) < 0)
		return -EINVAL;
	for (uint64_t i = first; i < end; i++) {
		struct ledger_block *block = &file->blocks[i];

		if (block->floor > issue->order)
			continue;
		block->loose = what != 'A';
		if (what == 'A') {
			block->floor = issue->order;
			block->floor_version = version;
		}
	}
	return 0;
}

static int take_change(struct ledger *ledger, uint32_t number, uint64_t offset, uint64_t length)
{
	struct ledger_file *file = ledger_file(ledger, number);
	uint64_t first = offset / PATTERN_BLOCK;
	uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;

	if (!file)
		return -EINVAL;
	for (uint64_t i = first; i < file->n_blocks && i * PATTERN_BLOCK < end; i++)
		file->blocks[i].loose = true;
	return 0;
}

static int take_done(struct ledger *ledger, const char *name)
{
	if (ledger->n_done == LEDGER_MAX_DONE)
		return -EINVAL;
	ledger->done[ledger->n_done] = strdup(name);
	if (!ledger->done[ledger->n_done])
		return -ENOMEM;
	ledger->n_done++;
	ledger->acknowledged++;
	return 0;
}

static int take_line(struct ledger *ledger, const char *line)
{
	uint32_t a, b;
	uint64_t offset, length;
	char path[LINE_MAX_BYTES];

	switch (line[0]) {
	case 'F':
	case 'R':
	case 'N':
		if (sscanf(line + 1, "%" SCNu32 " %511s", &a, path) != 2)
			return -EINVAL;
		return take_name(ledger, line[0], a, path);
	case 'I':
		if (sscanf(line + 1, "%" SCNu32 " %" SCNu32 " %" SCNu64 " %" SCNu64, &a, &b,
			   &offset, &length) != 4)
			return -EINVAL;
		return take_issue(ledger, a, b, offset, length);
	case 'A':
	case 'E':
		if (sscanf(line + 1, "%" SCNu32, &a) != 1)
			return -EINVAL;
		return take_verdict(ledger, line[0], a);
	case 'U':
		if (sscanf(line + 1, "%" SCNu32 " %" SCNu64 " %" SCNu64, &a, &offset, &length) != 3)
			return -EINVAL;
		return take_change(ledger, a, offset, length);
	case 'D':
		if (sscanf(line + 1, " %511s", path) != 1)
			return -EINVAL;
		return take_done(ledger, path);
	case '#':
		return 0;
	}
	return -EINVAL;
}

int ledger_take(struct ledger *ledger, const char *text, uint64_t length)
{
	const char *end = text + length;
	char line[LINE_MAX_BYTES];

	while (text < end) {
		const char *stop = memchr(text, '\n', end - text);
		size_t n = (stop ? stop : end) - text;
		int r = -EINVAL;

		if (n < sizeof(line)) {
			memcpy(line, text, n);
			line[n] = '\0';
			r = n ? take_line(ledger, line) : 0;
		}
		if (r < 0) {
			fprintf(stderr, "ledger: mark \"%.*s\" cannot be taken: %s\n", (int)n, text,
				strerror(-r));
			return r;
		}
		text += n + 1;
	}
	return 0;
}

bool ledger_allows(const struct ledger *ledger, uint32_t file, uint64_t block, uint32_t version)
{
	const struct issue *issue;
	uint64_t at = block * PATTERN_BLOCK;

	if (version >= ledger->n_versions)
		return false;
	issue = &ledger->issues[version];
	if (issue->state == ISSUE_NONE || issue->file != file || at < issue->offset ||
	    at >= issue->offset + issue->length)
		return false;
	return issue->order >= ledger->files[file].blocks[block].floor;
}
