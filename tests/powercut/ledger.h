/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_LEDGER_H
#define POWERCUT_LEDGER_H

/*
 * What the marks up to a moment promise about the files. A mark is a line of text, written by
 * the program that knows:
 *
 *	F file path		file number FILE exists under PATH (relative to the mount)
 *	R file path		a rename to PATH is about to be asked for
 *	N file path		that rename is over: a write asked for from now on pins PATH once
 *				it is acknowledged
 *	I version file off len	VERSION is about to be written to this range
 *	A version		it was acknowledged as durable
 *	E version		it was refused or reported as failed: no promise about its range
 *	U file off len		something else is about to change this range (truncate, a hole)
 *	D name			NAME was promised as a whole: for the inspector (trial.h)
 *	# text			nothing
 *
 * The promise for a block: the content of its last acknowledged version, in the order of I, or
 * of one asked for later. Without an acknowledged one: any content asked for, or zeros.
 */

#include <stdbool.h>
#include <stdint.h>

#define LEDGER_MAX_VERSIONS (1u << 22)
#define LEDGER_MAX_FILES    (1u << 18)
#define LEDGER_MAX_BLOCKS   (1u << 20) /* of one file */
#define LEDGER_MAX_NAMES    4
#define LEDGER_MAX_DONE	    32

enum issue_state {
	ISSUE_NONE,
	ISSUE_ASKED,
	ISSUE_ACKNOWLEDGED,
	ISSUE_REFUSED,
};

struct issue {
	uint32_t version, file;
	uint64_t offset, length;
	enum issue_state state;
	uint32_t order; /* of asking; from 1 */
};

struct ledger_block {
	uint32_t floor; /* order of the last acknowledged issue; 0: none */
	uint32_t floor_version;
	bool loose; /* zeros are as good, since there is no promise or it was given up */
};

struct ledger_file {
	char *names[LEDGER_MAX_NAMES]; /* any of them may be the one found; oldest first */
	unsigned int n_names;
	/* The first `settled` names end when a write asked for after this order is acknowledged. */
	unsigned int settled;
	uint32_t settled_at;
	bool promised; /* some version was acknowledged: the file must be there */
	struct ledger_block *blocks;
	uint64_t n_blocks;
};

struct ledger {
	struct issue *issues; /* by version */
	struct ledger_file *files;
	uint32_t n_versions, n_files; /* one more than the largest number seen */
	uint32_t orders;
	char *done[LEDGER_MAX_DONE]; /* what D said */
	unsigned int n_done;
	uint64_t asked, acknowledged, refused;
};

/* Returns 0 or -ENOMEM. */
int ledger_init(struct ledger *out);
void ledger_deinit(struct ledger *ledger);
/* Takes the text of one mark: whole lines. Returns 0, or -EINVAL naming the line on stderr. */
int ledger_take(struct ledger *ledger, const char *text, uint64_t length);

/* Whether @version may be what block number @block of @file holds. */
bool ledger_allows(const struct ledger *ledger, uint32_t file, uint64_t block, uint32_t version);

#endif
