/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_VERIFY_TEXT_H
#define EXTENTD_VERIFY_TEXT_H

/*
 * The words of a line that comes from elsewhere. Each function takes one from *s, which it moves
 * behind the word and the space after it; false: there is no such word.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <xxhash.h>

bool text_number(char **s, uint64_t *out);
bool text_digest(char **s, XXH128_hash_t *out);

/* With a space before it. */
void text_put_digest(FILE *out, XXH128_hash_t h);

/* Undoes the escapes of acklog_escape(), in place. False: they make no sense. */
bool text_unescape(char *s);

#endif
