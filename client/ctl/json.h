/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_JSON_H
#define EXTENTD_CTL_JSON_H

/* One JSON object, flat, written as it is told. Names are plain ASCII; bytes of strings that are
 * no UTF-8 (file names may have them) come out as U+FFFD. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	bool more;
};

void json_begin(struct json *j, FILE *out);
void json_number(struct json *j, const char *name, uint64_t value);
void json_decimal(struct json *j, const char *name, double value); /* three places */
void json_bool(struct json *j, const char *name, bool value);
void json_string(struct json *j, const char *name, const char *value); /* NULL: null */
/* 0, or the negative errno of the writing. */
int json_end(struct json *j);

#endif
