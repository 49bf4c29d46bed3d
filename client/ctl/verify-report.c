// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "copy/acklog.h"
#include "ctl/exit.h"
#include "ctl/json.h"
#include "ctl/verify-report.h"

#define JSON_FOUND_MAX 1000 /* differences that the report names */

static const char *const words[] = {
#define X(name, word) word,
	VERIFY_FOUND(X)
#undef X
};

void verify_print_error(void *userdata, const char *text)
{
	struct verify_job *job = userdata;

	progress_clear(job->progress);
	fprintf(stderr, "extentctl: %s\n", text);
}

void verify_print_found(void *userdata, enum verify_found what, const char *path, uint64_t offset,
			uint64_t len)
{
	char escaped[4096 * ACKLOG_ESCAPED_MAX + 1];
	bool ranged = what == VERIFY_CONTENT || what == VERIFY_UNKNOWN || what == VERIFY_SIZE;
	struct verify_job *job = userdata;

	acklog_escape(*path ? path : ".", escaped, sizeof(escaped));
	if (job->found && json_array_size(job->found) < JSON_FOUND_MAX) {
		json_t *o = json_pack("{s:s, s:s}", "what", words[what], "path", escaped);

		if (!o) /* its name is no UTF-8 */
			o = json_pack("{s:s}", "what", words[what]);
		if (ranged) {
			json_object_set_new(o, "offset", json_integer((json_int_t)offset));
			json_object_set_new(o, "length", json_integer((json_int_t)len));
		}
		json_array_append_new(job->found, o);
	}
	if (job->json || job->quiet)
		return;
	progress_clear(job->progress);
	if (ranged)
		printf("%-8s %llu %llu %s\n", words[what], (unsigned long long)offset,
		       (unsigned long long)len, escaped);
	else
		printf("%-8s %s\n", words[what], escaped);
}

void verify_tick(void *userdata)
{
	struct verify_job *job = userdata;
	struct progress_view view = {
		.done = job->stats.bytes,
		.total = scan_total(job->scan),
		.files = job->stats.files,
		.bytes = job->stats.bytes,
		.payload_bytes = job->stats.payload_bytes,
	};

	progress_tick(job->progress, &view);
}

int verify_report(struct verify_job *job, int code)
{
	const struct verify_stats *s = &job->stats;
	struct json j;

	if (!job->json) {
		if (!job->quiet)
			fprintf(stderr,
				"%llu files, %llu extents: %llu stored alike, %llu compared by "
				"content; %llu differences\n",
				(unsigned long long)s->files, (unsigned long long)s->extents,
				(unsigned long long)s->extents_same,
				(unsigned long long)s->extents_content,
				(unsigned long long)s->differences);
		if (s->extents_unknown)
			fprintf(stderr,
				"extentctl: %llu extents are stored differently and cannot be "
				"compared: make the list with --content\n",
				(unsigned long long)s->extents_unknown);
		return code;
	}
	json_begin(&j, stdout);
	json_number(&j, "exit_code", (uint64_t)code);
#define X(field, text) json_number(&j, #field, s->field);
	VERIFY_STATS(X)
#undef X
	if (j.object)
		json_object_set(j.object, "found", job->found);
	if (json_end(&j) < 0)
		fprintf(stderr, "extentctl: the report could not be written\n");
	return code;
}

int verify_code(const struct verify_stats *s)
{
	return s->differences || s->errors || s->extents_unknown ? CTL_PARTIAL : CTL_OK;
}
