// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "copy/acklog.h"
#include "verify/list.h"
#include "verify/text.h"

#define HEADER	  "extentd-digests 1"
#define PATH_ROOM (4096 * ACKLOG_ESCAPED_MAX + 1)

static int written(FILE *out)
{
	return ferror(out) ? -EIO : 0;
}

int list_begin(FILE *out)
{
	fprintf(out, HEADER "\n");
	return written(out);
}

int list_put_entry(FILE *out, const struct list_entry *e)
{
	char text[PATH_ROOM];

	acklog_escape(e->path, text, sizeof(text));
	switch (e->type) {
	case S_IFDIR:
		fprintf(out, "D %s\n", text);
		break;
	case S_IFREG:
		fprintf(out, "F %" PRIu64 " %s\n", e->size, text);
		break;
	case S_IFLNK:
		fprintf(out, "L %s\n", text);
		acklog_escape(e->target, text, sizeof(text));
		fprintf(out, "T %s\n", text);
		break;
	default:
		fprintf(out, "S %o %s\n", e->type, text);
	}
	return written(out);
}

int list_put_mark(FILE *out, const struct mark *m)
{
	static const char kinds[] = { ' ', 'E', 'P', 'H' };

	fprintf(out, "%c %" PRIu64 " %" PRIu64, kinds[m->kind], m->offset, m->len);
	if (m->kind == EXTENT_READ_ENCODED)
		fprintf(out, " %" PRIu64 " %" PRIu64 " %u", m->unencoded_len, m->unencoded_offset,
			m->compression);
	if (m->kind != EXTENT_READ_HOLE)
		text_put_digest(out, m->payload);
	if (m->kind == EXTENT_READ_ENCODED && m->content_known)
		text_put_digest(out, m->content);
	fputc('\n', out);
	return written(out);
}

int list_end(FILE *out, uint64_t entries)
{
	fprintf(out, ". %" PRIu64 "\n", entries);
	return fflush(out) ? -errno : written(out);
}

/* The next line without its end, which stays until the next call; 1, or -EBADMSG at the end. */
static int line_next(struct list *l)
{
	ssize_t n;

	if (l->pushed) {
		l->pushed = 0;
		return 1;
	}
	n = getline(&l->text, &l->room, l->file);
	if (n <= 0 || l->text[n - 1] != '\n' || strlen(l->text) != (size_t)n)
		return -EBADMSG;
	l->text[n - 1] = '\0';
	l->line++;
	return 1;
}

int list_open(FILE *in, struct list *out)
{
	*out = (struct list){ .file = in };
	return line_next(out) < 0 || strcmp(out->text, HEADER) ? -EBADMSG : 0;
}

void list_close(struct list *l)
{
	free(steal_ptr(&l->text));
}

static int take_string(char *s, char **out)
{
	if (!*s || !text_unescape(s))
		return -EBADMSG;
	*out = strdup(s);
	return *out ? 0 : -ENOMEM;
}

int list_next(struct list *l, struct list_entry *out)
{
	uint64_t n;
	char *s;
	int err = line_next(l);

	*out = (struct list_entry){ 0 };
	if (err < 0)
		return err;
	s = l->text[0] && l->text[1] == ' ' ? l->text + 2 : l->text;
	if (s == l->text)
		return -EBADMSG;
	switch (l->text[0]) {
	case '.':
		return text_number(&s, &n) && !*s && n == l->entries ? 0 : -EBADMSG;
	case 'D':
		out->type = S_IFDIR;
		break;
	case 'L':
		out->type = S_IFLNK;
		break;
	case 'F':
		out->type = S_IFREG;
		if (!text_number(&s, &out->size) || out->size > INT64_MAX)
			return -EBADMSG;
		break;
	case 'S':
		out->type = (mode_t)strtoul(s, &s, 8) & S_IFMT;
		if (*s++ != ' ')
			return -EBADMSG;
		break;
	default:
		return -EBADMSG;
	}
	l->entries++;
	err = take_string(s, &out->path);
	if (!err && out->type == S_IFLNK) {
		err = line_next(l);
		err = err < 0			  ? err
		      : strncmp(l->text, "T ", 2) ? -EBADMSG
						  : take_string(l->text + 2, &out->target);
	}
	if (err < 0) {
		free(steal_ptr(&out->path));
		free(steal_ptr(&out->target));
		return err;
	}
	return 1;
}

int list_next_mark(struct list *l, struct mark *m)
{
	uint64_t compression = 0;
	bool ok;
	char *s;
	int err = line_next(l);

	if (err < 0)
		return err;
	*m = (struct mark){ .kind = l->text[0] == 'E'	? EXTENT_READ_ENCODED
				    : l->text[0] == 'P' ? EXTENT_READ_PLAIN
							: EXTENT_READ_HOLE };
	if (!strchr("EPH", l->text[0]) || l->text[1] != ' ') {
		l->pushed = 1;
		return 0;
	}
	s = l->text + 2;
	ok = text_number(&s, &m->offset) && text_number(&s, &m->len) && m->len &&
	     m->len <= INT64_MAX && m->offset <= INT64_MAX - m->len;
	m->unencoded_len = m->len;
	if (m->kind == EXTENT_READ_ENCODED)
		ok = ok && text_number(&s, &m->unencoded_len) &&
		     text_number(&s, &m->unencoded_offset) && text_number(&s, &compression) &&
		     compression <= UINT32_MAX;
	m->compression = (uint32_t)compression;
	if (m->kind != EXTENT_READ_HOLE)
		ok = ok && text_digest(&s, &m->payload);
	if (m->kind == EXTENT_READ_PLAIN) {
		m->content = m->payload;
		m->content_known = true;
	} else if (ok && m->kind == EXTENT_READ_ENCODED && *s) {
		m->content_known = ok = text_digest(&s, &m->content);
	}
	return ok && !*s ? 1 : -EBADMSG;
}
