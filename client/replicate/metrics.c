// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replicate/metrics.h"

#define PREFIX "extentd_replicate_"

static double value_success(const struct destination *t)
{
	return destination_complete(t);
}

static double value_bytes(const struct destination *t)
{
	return (double)t->stream_bytes;
}

static double value_extents(const struct destination *t)
{
	return (double)(t->encoded + t->decoded + t->plain);
}

static double value_decoded(const struct destination *t)
{
	return (double)t->decoded;
}

static double value_attempts(const struct destination *t)
{
	return (double)t->attempts;
}

static double value_seconds(const struct destination *t)
{
	return t->seconds;
}

static double value_wait(const struct destination *t)
{
	return t->wait_seconds;
}

/* Of the source's snapshot that is complete there; NaN: there is none. */
static double value_newest(const struct destination *t)
{
	return t->base ? (double)t->base_time : __builtin_nan("");
}

static double value_lag(const struct destination *t)
{
	return t->base ? (double)(t->source->self->otime - t->base_time) : __builtin_nan("");
}

/* All are gauges: each run writes the file anew, so nothing counts on. */
static const struct {
	const char *name, *unit, *help;
	double (*value)(const struct destination *t);
} metrics[] = {
	{ "success", "", "Whether the last run ended with the snapshot complete on the target.",
	  value_success },
	{ "stream_bytes", "bytes",
	  "Bytes of send stream that the last run sent, repetitions included.", value_bytes },
	{ "extents", "", "Extents that the target made safe on disk in the last run.",
	  value_extents },
	{ "decoded_extents", "", "Those of them that had to be decompressed.", value_decoded },
	{ "attempts", "", "Streams that the last run began to send.", value_attempts },
	{ "duration_seconds", "seconds", "Time of the last run.", value_seconds },
	{ "durable_wait_seconds", "seconds",
	  "Time from the stream's last byte to the answer that all is safe on disk.", value_wait },
	{ "newest_timestamp_seconds", "seconds",
	  "When the newest snapshot that the target has was taken.", value_newest },
	{ "lag_seconds", "seconds",
	  "How much newer the source's snapshot is than the newest one that the target has.",
	  value_lag },
};

static void print_label(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '\\':
			fputs("\\\\", out);
			break;
		case '"':
			fputs("\\\"", out);
			break;
		case '\n':
			fputs("\\n", out);
			break;
		default:
			fputc(*text, out);
		}
}

void metrics_print(FILE *out, const struct destination *targets, size_t n, const char *source)
{
	for (size_t m = 0; m < ARRAY_SIZE(metrics); m++) {
		fprintf(out, "# TYPE " PREFIX "%s gauge\n", metrics[m].name);
		if (*metrics[m].unit)
			fprintf(out, "# UNIT " PREFIX "%s %s\n", metrics[m].name, metrics[m].unit);
		fprintf(out, "# HELP " PREFIX "%s %s\n", metrics[m].name, metrics[m].help);
		for (size_t i = 0; i < n; i++) {
			double value = metrics[m].value(&targets[i]);

			fprintf(out, PREFIX "%s{source=\"", metrics[m].name);
			print_label(out, source);
			fputs("\",target=\"", out);
			print_label(out, targets[i].spec);
			if (value != value)
				fputs("\"} NaN\n", out);
			else
				fprintf(out, "\"} %.17g\n", value);
		}
	}
	fprintf(out, "# TYPE " PREFIX "run_timestamp_seconds gauge\n"
		     "# UNIT " PREFIX "run_timestamp_seconds seconds\n"
		     "# HELP " PREFIX "run_timestamp_seconds When the last run ended.\n" PREFIX
		     "run_timestamp_seconds{source=\"");
	print_label(out, source);
	fprintf(out, "\"} %lld\n# EOF\n", (long long)time(NULL));
}

int metrics_write(const char *path, const struct destination *targets, size_t n, const char *source)
{
	_cleanup_(freep) char *temporary = NULL;
	_cleanup_(fclosep) FILE *out = NULL;
	int fd, r = 0;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	out = fdopen(fd, "w");
	if (!out) {
		close(fd);
		r = -ENOMEM;
	} else {
		metrics_print(out, targets, n, source);
		if (fflush(out) || ferror(out) || fchmod(fd, 0644) || rename(temporary, path))
			r = -(errno ?: EIO);
	}
	if (r)
		unlink(temporary);
	return r;
}
