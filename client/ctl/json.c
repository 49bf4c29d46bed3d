// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "ctl/json.h"

void json_begin(struct json *j, FILE *out)
{
	*j = (struct json){ out, false };
	fputc('{', out);
}

static void name_put(struct json *j, const char *name)
{
	fprintf(j->out, "%s\n  \"%s\": ", j->more ? "," : "", name);
	j->more = true;
}

void json_number(struct json *j, const char *name, uint64_t value)
{
	name_put(j, name);
	fprintf(j->out, "%llu", (unsigned long long)value);
}

void json_decimal(struct json *j, const char *name, double value)
{
	name_put(j, name);
	fprintf(j->out, "%.3f", value);
}

void json_bool(struct json *j, const char *name, bool value)
{
	name_put(j, name);
	fputs(value ? "true" : "false", j->out);
}

/* Bytes of the UTF-8 sequence at s; 0 if it is none (overlong and surrogates included). */
static size_t sequence(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void json_string(struct json *j, const char *name, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	name_put(j, name);
	if (!value) {
		fputs("null", j->out);
		return;
	}
	fputc('"', j->out);
	while (*s) {
		size_t n = sequence(s);

		if (!n)
			fputs("\\ufffd", j->out);
		else if (*s == '"' || *s == '\\')
			fprintf(j->out, "\\%c", *s);
		else if (*s < ' ')
			fprintf(j->out, "\\u%04x", *s);
		else
			fwrite(s, 1, n, j->out);
		s += n ? n : 1;
	}
	fputc('"', j->out);
}

int json_end(struct json *j)
{
	fputs("\n}\n", j->out);
	return fflush(j->out) || ferror(j->out) ? -EIO : 0;
}
