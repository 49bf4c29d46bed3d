// SPDX-License-Identifier: GPL-2.0-or-later
/* `narrate HISTORY`: prints a history, one record a line, for whoever has to explain a loss. */
#include <stdio.h>
#include <string.h>

#include "history.h"

static void narrate(uint64_t position, double ms, const struct history_record *record)
{
	printf("%10llu %9.3f ", (unsigned long long)position, ms);
	switch (record->type) {
	case HISTORY_MARK:
		printf("mark    %.*s", (int)record->length, (const char *)history_payload(record));
		return;
	case HISTORY_DONE:
		printf("done    #%llu error %d\n", (unsigned long long)record->id, record->error);
		return;
	}
	printf("%-7s #%llu at %llu length %llu%s\n", history_kind_name(record->kind),
	       (unsigned long long)record->id, (unsigned long long)record->offset,
	       (unsigned long long)record->length, record->flags & HISTORY_LIE ? ", a lie" : "");
}

int main(int argc, char **argv)
{
	const struct history_record *record;
	uint64_t position = 0, start = 0;
	struct history history;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: %s HISTORY\n", argv[0]);
		return 2;
	}
	r = history_open(argv[1], &history);
	if (r < 0) {
		fprintf(stderr, "narrate: cannot open %s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	while ((record = history_next(&history, &position))) {
		if (!start)
			start = record->time_ns;
		narrate(position, (record->time_ns - start) / 1e6, record);
	}
	history_close(&history);
	return 0;
}
