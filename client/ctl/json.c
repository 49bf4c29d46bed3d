// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "ctl/json.h"

void json_begin(struct json *j, FILE *out)
{
	*j = (struct json){ .out = out, .object = json_object() };
}

static void put(struct json *j, const char *name, json_t *value)
{
	if (json_object_set_new(j->object, name, value)) /* also if one of them is NULL */
		j->failed = true;
}

void json_number(struct json *j, const char *name, uint64_t value)
{
	put(j, name, value <= INT64_MAX ? json_integer((json_int_t)value) : json_real(value));
}

void json_decimal(struct json *j, const char *name, double value)
{
	put(j, name, json_real((double)(long long)(value * 1000 + 0.5) / 1000));
}

void json_bool(struct json *j, const char *name, bool value)
{
	put(j, name, json_boolean(value));
}

/* Of a string that is not UTF-8: ASCII as it is, every other byte as U+FFFD. */
static json_t *string_mended(const char *value)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t n = 0;
	char *text = malloc(strlen(value) * (sizeof(replacement) - 1) + 1);
	json_t *string;

	if (!text)
		return NULL;
	for (; *value; value++)
		if (*value & 0x80)
			n = (size_t)(stpcpy(text + n, replacement) - text);
		else
			text[n++] = *value;
	string = json_stringn(text, n);
	free(text);
	return string;
}

void json_text(struct json *j, const char *name, const char *value)
{
	json_t *string = value ? json_string(value) : json_null();

	put(j, name, string ?: string_mended(value));
}

int json_end(struct json *j)
{
	bool failed = j->failed || !j->object;

	if (!failed)
		failed = json_dumpf(j->object, j->out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) ||
			 fputc('\n', j->out) == EOF || fflush(j->out) || ferror(j->out);
	json_decref(j->object);
	return failed ? -EIO : 0;
}
