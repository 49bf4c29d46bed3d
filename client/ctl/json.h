/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_JSON_H
#define EXTENTD_CTL_JSON_H

/*
 * A flat JSON object as the report of a command. Each json_begin() needs its json_end(), which
 * prints the object and frees it. File names need not be UTF-8, and JSON must be: bytes beyond
 * ASCII of a string that is not come out as U+FFFD.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	json_t *object;
	bool failed; /* by lack of memory */
};

void json_begin(struct json *j, FILE *out);
void json_number(struct json *j, const char *name, uint64_t value);
void json_decimal(struct json *j, const char *name, double value); /* positive; three places */
void json_bool(struct json *j, const char *name, bool value);
void json_text(struct json *j, const char *name, const char *value); /* NULL: null */
/* 0, or -EIO: the object could not be made or written. */
int json_end(struct json *j);

#endif
