// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "ledger.h"

#define FAULTS_SHOWN 10

struct cell {
	uint64_t offset;
	uint32_t index; /* of the write, plus one: a cell of zeros was never written */
	uint32_t file;
	uint64_t noise[3];
	uint64_t zeros[3]; /* something to compress */
};
_Static_assert(sizeof(struct cell) == LEDGER_CELL, "a cell");

struct ledger *ledger_new(void)
{
	void *p = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

uint32_t ledger_add(struct ledger *l, uint32_t writer, uint32_t file, uint64_t offset, uint32_t len)
{
	uint32_t i = atomic_fetch_add(&l->n, 1);

	if (i >= LEDGER_WRITES) {
		atomic_store(&l->n, LEDGER_WRITES);
		return UINT32_MAX;
	}
	l->writes[i].writer = writer;
	l->writes[i].file = file;
	l->writes[i].offset = offset;
	l->writes[i].len = len;
	return i;
}

static void cell_make(uint32_t index, uint32_t file, uint64_t offset, struct cell *out)
{
	uint64_t x = (uint64_t)index << 32 ^ offset;

	*out = (struct cell){ .offset = offset, .index = index + 1, .file = file };
	for (size_t i = 0; i < ARRAY_SIZE(out->noise); i++) {
		x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15) + i;
		out->noise[i] = x;
	}
}

void ledger_fill(uint32_t index, uint32_t file, uint64_t offset, void *out, size_t len)
{
	struct cell cell;

	for (size_t at = 0; at < len; at += LEDGER_CELL) {
		cell_make(index, file, offset + at, &cell);
		memcpy((char *)out + at, &cell, len - at < sizeof(cell) ? len - at : sizeof(cell));
	}
}

static void fault(unsigned int *faults, uint32_t file, uint64_t offset, const struct cell *cell,
		  uint32_t wanted, const char *what)
{
	if ((*faults)++ < FAULTS_SHOWN)
		printf("file %u, byte %llu: %s (holds write %lld, last acknowledged is %lld)\n",
		       file, (unsigned long long)offset, what, (long long)cell->index - 1,
		       (long long)wanted - 1);
}

/* Is the cell what some write of the ledger put there? */
static const char *cell_fault(const struct ledger *l, uint32_t n, uint32_t file, uint64_t offset,
			      const struct cell *cell)
{
	const struct ledger_write *w;
	struct cell right;

	if (!cell->index || cell->index > n)
		return "is not from any write";
	w = &l->writes[cell->index - 1];
	cell_make(cell->index - 1, file, offset, &right);
	if (memcmp(cell, &right, sizeof(right)))
		return "is damaged, or belongs elsewhere";
	if (w->file != file || offset < w->offset || offset >= w->offset + w->len)
		return "holds a write that did not go there";
	if (w->state == LEDGER_CANCELLED)
		return "holds a write that was cancelled";
	return NULL;
}

unsigned int ledger_check(const struct ledger *l, uint32_t file, const unsigned char *content,
			  uint64_t size)
{
	static const struct cell zero;
	uint32_t n = l->n, writers = l->n_writers;
	uint64_t cells = size / LEDGER_CELL;
	_cleanup_(freep) uint32_t *last = malloc(cells * sizeof(*last));
	_cleanup_(freep) bool *any = calloc(cells, sizeof(*any));
	unsigned int faults = 0;

	if (!last || !any)
		abort();
	for (uint32_t writer = 1; writer <= writers; writer++) {
		memset(last, 0, cells * sizeof(*last));
		for (uint32_t i = 0; i < n; i++) {
			const struct ledger_write *w = &l->writes[i];

			if (w->writer != writer || w->file != file || w->state != LEDGER_ACKED)
				continue;
			for (uint64_t c = w->offset / LEDGER_CELL;
			     c < (w->offset + w->len) / LEDGER_CELL && c < cells; c++) {
				last[c] = i + 1;
				any[c] = true;
			}
		}
		for (uint64_t c = 0; c < cells; c++) {
			const struct cell *cell = (const void *)(content + c * LEDGER_CELL);

			if (cell->index && cell->index <= n && cell->index < last[c] &&
			    l->writes[cell->index - 1].writer == writer)
				fault(&faults, file, c * LEDGER_CELL, cell, last[c], "is too old");
		}
	}
	for (uint64_t c = 0; c < cells; c++) {
		const struct cell *cell = (const void *)(content + c * LEDGER_CELL);
		const char *what;

		if (!memcmp(cell, &zero, sizeof(zero)))
			what = any[c] ? "was acknowledged and is not there" : NULL;
		else
			what = cell_fault(l, n, file, c * LEDGER_CELL, cell);
		if (what)
			fault(&faults, file, c * LEDGER_CELL, cell, 0, what);
	}
	for (uint32_t i = 0; i < n; i++)
		if (l->writes[i].file == file && l->writes[i].state == LEDGER_ACKED &&
		    l->writes[i].offset + l->writes[i].len > size)
			fault(&faults, file, size, &zero, i + 1, "is the end of the file");
	return faults;
}
