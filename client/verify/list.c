// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "copy/acklog.h"
#include "verify/list.h"

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

static void put_digest(FILE *out, XXH128_hash_t h)
{
	fprintf(out, " %016" PRIx64 "%016" PRIx64, (uint64_t)h.high64, (uint64_t)h.low64);
}

int list_put_mark(FILE *out, const struct mark *m)
{
	static const char kinds[] = { ' ', 'E', 'P', 'H' };

	fprintf(out, "%c %" PRIu64 " %" PRIu64, kinds[m->kind], m->offset, m->len);
	if (m->kind == EXTENT_READ_ENCODED)
		fprintf(out, " %" PRIu64 " %" PRIu64 " %u", m->unencoded_len, m->unencoded_offset,
			m->compression);
	if (m->kind != EXTENT_READ_HOLE)
		put_digest(out, m->payload);
	if (m->kind == EXTENT_READ_ENCODED && m->content_known)
		put_digest(out, m->content);
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

/* Undoes the escapes, in place. False: they make no sense. */
static bool unescape(char *s)
{
	char *out = s;

	while (*s) {
		unsigned int c = 0;

		if (*s != '\\') {
			*out++ = *s++;
			continue;
		}
		for (int i = 1; i < 4; i++) {
			if (s[i] < '0' || s[i] > '7')
				return false;
			c = c * 8 + (unsigned int)(s[i] - '0');
		}
		if (!c || c > 255)
			return false;
		*out++ = (char)c;
		s += 4;
	}
	*out = '\0';
	return true;
}

static bool number(char **s, uint64_t *out)
{
	char *end;

	if (**s < '0' || **s > '9')
		return false;
	errno = 0;
	*out = strtoull(*s, &end, 10);
	if (errno || (*end && *end != ' '))
		return false;
	*s = *end ? end + 1 : end;
	return true;
}

static bool digest(char **s, XXH128_hash_t *out)
{
	char half[17] = "";

	if (strspn(*s, "0123456789abcdef") != 32 || ((*s)[32] && (*s)[32] != ' '))
		return false;
	memcpy(half, *s, 16);
	out->high64 = strtoull(half, NULL, 16);
	memcpy(half, *s + 16, 16);
	out->low64 = strtoull(half, NULL, 16);
	*s += (*s)[32] ? 33 : 32;
	return true;
}

static int take_string(char *s, char **out)
{
	if (!*s || !unescape(s))
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
		return number(&s, &n) && !*s && n == l->entries ? 0 : -EBADMSG;
	case 'D':
		out->type = S_IFDIR;
		break;
	case 'L':
		out->type = S_IFLNK;
		break;
	case 'F':
		out->type = S_IFREG;
		if (!number(&s, &out->size) || out->size > INT64_MAX)
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
	ok = number(&s, &m->offset) && number(&s, &m->len) && m->len && m->len <= INT64_MAX &&
	     m->offset <= INT64_MAX - m->len;
	m->unencoded_len = m->len;
	if (m->kind == EXTENT_READ_ENCODED)
		ok = ok && number(&s, &m->unencoded_len) && number(&s, &m->unencoded_offset) &&
		     number(&s, &compression) && compression <= UINT32_MAX;
	m->compression = (uint32_t)compression;
	if (m->kind != EXTENT_READ_HOLE)
		ok = ok && digest(&s, &m->payload);
	if (m->kind == EXTENT_READ_PLAIN) {
		m->content = m->payload;
		m->content_known = true;
	} else if (ok && m->kind == EXTENT_READ_ENCODED && *s) {
		m->content_known = ok = digest(&s, &m->content);
	}
	return ok && !*s ? 1 : -EBADMSG;
}
