// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "copy/acklog.h"
#include "verify/answer.h"
#include "verify/side.h"
#include "verify/text.h"

#define HEADER	  "extentd-answers 1"
#define PATH_ROOM (4096 * ACKLOG_ESCAPED_MAX + 1)

static const char *const words[] = {
#define X(name, word) word,
	VERIFY_FOUND(X)
#undef X
};

static int put_path(FILE *out, const char *path)
{
	char text[PATH_ROOM];

	acklog_escape(path, text, sizeof(text));
	return fprintf(out, " %s\n", text) < 0 ? -EIO : 0;
}

int answers_begin(FILE *out)
{
	return fprintf(out, HEADER "\n") < 0 ? -EIO : 0;
}

int answers_put_found(FILE *out, enum verify_found what, const char *path, uint64_t offset,
		      uint64_t len)
{
	fprintf(out, "= %s %" PRIu64 " %" PRIu64, words[what], offset, len);
	return put_path(out, path);
}

int answers_put_question(FILE *out, const char *path, uint64_t offset, uint64_t len,
			 XXH128_hash_t content)
{
	fprintf(out, "? %" PRIu64 " %" PRIu64, offset, len);
	text_put_digest(out, content);
	return put_path(out, path);
}

int answers_end(FILE *out, const struct verify_stats *stats)
{
	fputc('.', out);
#define X(field, text) fprintf(out, " %" PRIu64, stats->field);
	VERIFY_STATS(X)
#undef X
	return fputc('\n', out) == EOF || fflush(out) ? -EIO : 0;
}

static int line_next(struct answers *a)
{
	ssize_t n;

	errno = 0;
	n = getline(&a->text, &a->room, a->file);
	if (n < 0 && errno == ENOMEM)
		return -ENOMEM;
	if (n <= 0 || a->text[n - 1] != '\n' || strlen(a->text) != (size_t)n)
		return -EBADMSG;
	a->text[n - 1] = '\0';
	a->line++;
	return 0;
}

int answers_open(FILE *in, struct answers *out)
{
	int r;

	*out = (struct answers){ .file = in };
	r = line_next(out);
	return r ?: strcmp(out->text, HEADER) ? -EBADMSG : 0;
}

void answers_close(struct answers *a)
{
	free(steal_ptr(&a->text));
}

static bool take_what(char **s, enum verify_found *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if (!strncmp(*s, words[i], n) && (*s)[n] == ' ') {
			*out = (enum verify_found)i;
			*s += n + 1;
			return true;
		}
	}
	return false;
}

static bool take_stats(char *s, struct verify_stats *stats)
{
#define X(field, text)                                                                             \
	if (!text_number(&s, &stats->field))                                                       \
		return false;
	VERIFY_STATS(X)
#undef X
	return !*s;
}

int answers_next(struct answers *a, struct answer *out, struct verify_stats *stats)
{
	bool ok;
	char *s;
	int r = line_next(a);

	*out = (struct answer){ .type = ANSWER_END };
	if (r)
		return r;
	s = a->text + 2;
	if (!a->text[0] || a->text[1] != ' ')
		return -EBADMSG;
	if (a->text[0] == '.')
		return take_stats(s, stats) ? 0 : -EBADMSG;
	out->type = a->text[0] == '=' ? ANSWER_FOUND : ANSWER_ASKS;
	ok = out->type == ANSWER_FOUND ? take_what(&s, &out->what) : a->text[0] == '?';
	ok = ok && text_number(&s, &out->offset) && text_number(&s, &out->len);
	if (out->type == ANSWER_ASKS)
		ok = ok && text_digest(&s, &out->content);
	out->path = s;
	return ok && text_unescape(s) ? 0 : -EBADMSG;
}

int answer_judge(const char *root, const struct answer *question)
{
	struct mark m = { .kind = EXTENT_READ_ENCODED,
			  .offset = question->offset,
			  .len = question->len };
	struct side side = { .fd = -1 };
	_cleanup_(closep) int fd = -1;
	int r = question->offset > INT64_MAX ? -EBADMSG : side_open(root, &side);

	if (!r) {
		fd = side_entry(&side, question->path, O_RDONLY | O_NONBLOCK);
		r = fd < 0 ? fd : mark_content(fd, &m);
	}
	side_close(&side);
	return r ?: XXH128_isEqual(m.content, question->content) ? MARK_SAME_CONTENT : MARK_DIFFERS;
}
