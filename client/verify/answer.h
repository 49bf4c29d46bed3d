/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_VERIFY_ANSWER_H
#define EXTENTD_VERIFY_ANSWER_H

/*
 * What a comparison with a list found, for who made the list and still has its files: what a list
 * without digests of content cannot tell, that side can. Text, a line each:
 *
 *	extentd-answers 1
 *	= WHAT OFFSET LEN PATH		it differs; WHAT as in VERIFY_FOUND
 *	? OFFSET LEN DIGEST PATH	it is stored in another way: the digest of its content
 *	. N...				the end, and the numbers of VERIFY_STATS
 *
 * Digests and paths are as in the list. Whoever reads answers does not trust them.
 */

#include "verify/mark.h"
#include "verify/verify.h"

struct answer {
	enum { ANSWER_FOUND, ANSWER_ASKS, ANSWER_END } type;
	enum verify_found what;
	uint64_t offset, len;
	XXH128_hash_t content;
	const char *path; /* until the next one */
};

struct answers {
	FILE *file;
	uint64_t line;
	char *text;
	size_t room;
};

int answers_begin(FILE *out);
int answers_put_found(FILE *out, enum verify_found what, const char *path, uint64_t offset,
		      uint64_t len);
int answers_put_question(FILE *out, const char *path, uint64_t offset, uint64_t len,
			 XXH128_hash_t content);
int answers_end(FILE *out, const struct verify_stats *stats);

/* 0, or -EBADMSG when they are no answers. */
int answers_open(FILE *in, struct answers *out);
/* stats is filled in at the end. 0, -EBADMSG (also where the end is missing) or -ENOMEM. */
int answers_next(struct answers *a, struct answer *out, struct verify_stats *stats);
void answers_close(struct answers *a);

/*
 * The answer to a question: is that the content of the file in the tree at root? MARK_SAME_CONTENT,
 * MARK_DIFFERS or a negative errno.
 */
int answer_judge(const char *root, const struct answer *question);

#endif
