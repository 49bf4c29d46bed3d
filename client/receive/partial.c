// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a subvolume NAME that is being received, beside which DIRECTORY may hold
 *
 *	.NAME.partial/			0700, and locked while a process works on it
 *		journal			what it is, and where a resumption starts
 *		subvolume		being filled
 *		checkpoint-0, -1	read-only snapshots of it; the journal names one by its UUID
 *	.NAME.complete			the filled subvolume, while it is being sealed
 *
 * A checkpoint, once everything up to some command is applied and all its data is proved to be on
 * disk: a snapshot (which is committed), then the journal that names it, then the older snapshot is
 * deleted. After any crash the journal names a snapshot that is there, and that has exactly the
 * state at its offset.
 *
 * Resuming rolls back: "subvolume" is deleted and made anew from the snapshot. What had been
 * applied behind the checkpoint, wholly or in part, is gone with it: nothing is applied twice, and
 * nothing has to be idempotent. Nor can a daemon that still works for a killed receiver do harm:
 * the files it has open belong to the subvolume that was deleted.
 *
 * The end, each step on disk before the next one begins:
 *
 *	1. all commands applied, all extents checked, everything synced
 *	2. the received UUID	3. read-only	4. renamed to NAME	5. the rest removed
 *
 * So NAME exists only if it is complete, safe, read-only and named as received; before 4 what there
 * is has a name that says so and, up to 2, no received UUID by which it could be taken for a copy.
 * Read-only subvolumes can be renamed, but not into another directory: hence ".NAME.complete".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/partial.h"
#include "receive/place.h"
#include "receive/subvolume.h"

struct partial {
	struct partial_options o;
	struct place at;
	int root;	  /* the subvolume being filled */
	unsigned int use; /* the name of the next checkpoint */
	bool left;	  /* it is .NAME.complete by now */
	char shown[2 * STREAM_NAME_MAX];
};

__attribute__((format(printf, 3, 4))) static void tell(const struct partial *p, int level,
						       const char *format, ...)
{
	char text[STREAM_PATH_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	p->o.message(p->o.userdata, level, text);
}

/* Continues "NAME: ..."; the error itself is passed on. */
static int failed(const struct partial *p, int r, const char *what)
{
	tell(p, LOG_ERR, "%s: %s: %s", p->at.name, what, strerror(-r));
	return r;
}

/* The filled subvolume is there: from here on the journal is about it. */
static int filled_bind(struct partial *p)
{
	struct subvolume_identity is;
	int r;

	p->root = openat(p->at.dir, PLACE_FILLED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->root < 0)
		return -errno;
	r = subvolume_identify(p->root, &is);
	if (r)
		return r;
	memcpy(p->at.journal.subvolume, is.uuid, 16);
	return journal_store(p->at.dir, &p->at.journal);
}

/* The private directory is ours and empty but for what an interrupted start may have left. */
static int begin_afresh(struct partial *p)
{
	int fd, r = place_clear(&p->at, NULL);

	if (r)
		return failed(p, r, "removing what is left of an earlier attempt");
	unlinkat(p->at.dir, JOURNAL_NAME, 0); /* it knew what that was */
	p->at.journal = (struct journal){ .stream_transid = p->o.transid, .begin = p->o.begin };
	memcpy(p->at.journal.stream_uuid, p->o.uuid, 16);
	fd = subvolume_make(p->at.dir, PLACE_FILLED, p->o.source);
	if (fd < 0)
		return failed(p, fd, "making the subvolume");
	closep(&fd);
	r = filled_bind(p);
	return r ? failed(p, r, "writing the journal") : 0;
}

static const char *checkpoint_find(struct partial *p)
{
	struct subvolume_identity is;

	for (size_t i = 0; i < PLACE_CHECKPOINTS; i++)
		if (!subvolume_identify_at(p->at.dir, place_checkpoints[i], &is) && is.readonly &&
		    !memcmp(is.uuid, p->at.journal.checkpoint, 16)) {
			p->use = 1 - i;
			return place_checkpoints[i];
		}
	return NULL;
}

static int begin_resumed(struct partial *p)
{
	const char *checkpoint = checkpoint_find(p);
	_cleanup_(closep) int from = -1;
	int fd, r;

	if (!checkpoint) {
		tell(p, LOG_ERR,
		     "%s: the checkpoint that the journal in %s names is gone; remove the rest "
		     "with "
		     "--abort",
		     p->at.name, p->at.private);
		return -ENOENT;
	}
	r = place_clear(&p->at, checkpoint);
	if (r)
		return failed(p, r, "removing what came after the checkpoint");
	from = openat(p->at.dir, checkpoint, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return failed(p, -errno, "opening the checkpoint");
	fd = subvolume_make(p->at.dir, PLACE_FILLED, from);
	if (fd < 0)
		return failed(p, fd, "going back to the checkpoint");
	closep(&fd);
	r = filled_bind(p);
	return r ? failed(p, r, "writing the journal") : PARTIAL_RESUMED;
}

/* There is a part from before. 0: none worth keeping. */
static int judge(struct partial *p)
{
	const struct partial_options *o = &p->o;
	bool ours;
	int r;

	if (o->policy == PARTIAL_REFUSE) {
		tell(p, LOG_ERR,
		     "%s: a part of it was received before; go on with --resume, or remove it with "
		     "--abort",
		     p->at.name);
		return -EEXIST;
	}
	r = journal_load(p->at.dir, &p->at.journal);
	if (r == -ENOENT) /* before anything was received */
		return 0;
	if (o->policy & PARTIAL_RESUME && r && !(o->policy & PARTIAL_REPLACE)) {
		tell(p, LOG_ERR, "%s: %s/" JOURNAL_NAME ": %s; remove the part with --abort",
		     p->at.name, p->at.private,
		     r == -EPROTONOSUPPORT ? "made by another version" : strerror(-r));
		return r;
	}
	ours = !r && !memcmp(p->at.journal.stream_uuid, o->uuid, 16) &&
	       p->at.journal.stream_transid == o->transid && p->at.journal.begin == o->begin;
	if (o->policy & PARTIAL_REPLACE && !(o->policy & PARTIAL_RESUME && ours)) {
		tell(p, LOG_WARNING, "%s: a part that was received before is removed", p->at.name);
		return 0;
	}
	if (!ours) {
		tell(p, LOG_ERR,
		     "%s: the part that is here is of another stream; give that one again, or "
		     "remove the part with --abort",
		     p->at.name);
		return -ESTALE;
	}
	if (!journal_has_checkpoint(&p->at.journal)) {
		tell(p, LOG_INFO, "%s: no checkpoint had been reached, from the beginning",
		     p->at.name);
		return 0;
	}
	return PARTIAL_RESUMED;
}

/* Is NAME there, and if so, is it what this stream makes? */
static int name_look(struct partial *p)
{
	struct subvolume_identity is;
	struct stat st;

	if (fstatat(p->at.directory, p->at.name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : failed(p, -errno, "looking for it");
	if (p->o.policy & PARTIAL_RESUME &&
	    !subvolume_identify_at(p->at.directory, p->at.name, &is) && is.readonly &&
	    !memcmp(is.received_uuid, p->o.uuid, 16) && is.transid == p->o.transid)
		return PARTIAL_COMPLETE;
	return failed(p, -EEXIST, "cannot be made");
}

static int begin(struct partial *p)
{
	int there = name_look(p), r;

	if (there < 0)
		return there;
	r = place_open(&p->at, p->o.displace);
	if (r == -ENOENT && there != PARTIAL_COMPLETE) {
		if (mkdirat(p->at.directory, p->at.private, 0700))
			return failed(p, -errno, p->at.private);
		r = place_open(&p->at, false);
		return r ? failed(p, r, p->at.private) : begin_afresh(p);
	}
	if (r == -EBUSY) {
		tell(p, LOG_ERR, "%s: another process is receiving it", p->at.name);
		return -EBUSY;
	}
	if (r && r != -ENOENT) {
		tell(p, LOG_ERR, "%s: %s was not made by this user, for a received part; move it",
		     p->at.name, p->at.private);
		return r;
	}
	if (there == PARTIAL_COMPLETE) {
		/* Interrupted between 4 and 5, perhaps. */
		if (p->at.dir >= 0 && !place_clear(&p->at, NULL))
			place_remove(&p->at);
		tell(p, LOG_INFO, "%s is complete", p->at.name);
		return there;
	}
	r = judge(p);
	return r < 0 ? r : r ? begin_resumed(p) : begin_afresh(p);
}

int partial_begin(const struct partial_options *options, struct partial **out, uint64_t *offset,
		  uint64_t *digest)
{
	struct partial *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->o = *options;
	p->root = -1;
	place_name(&p->at, options->directory, options->name);
	snprintf(p->shown, sizeof(p->shown), "%s/" PLACE_FILLED, p->at.private);
	r = begin(p);
	if (r < 0 || r == PARTIAL_COMPLETE) {
		partial_free(p);
		return r;
	}
	*offset = p->at.journal.offset;
	*digest = p->at.journal.digest;
	*out = p;
	return r;
}

void partial_free(struct partial *p)
{
	if (!p)
		return;
	closep(&p->root);
	closep(&p->at.dir);
	free(p);
}

int partial_root(const struct partial *p)
{
	return p->root;
}

const char *partial_place(const struct partial *p)
{
	return p->left ? p->at.complete : p->shown;
}

bool partial_has_checkpoint(const struct partial *p)
{
	return journal_has_checkpoint(&p->at.journal);
}

int partial_checkpoint(struct partial *p, uint64_t offset, uint64_t digest)
{
	const char *name = place_checkpoints[p->use];
	struct journal next = p->at.journal;
	struct subvolume_identity is;
	int r = subvolume_delete(p->at.dir, name);

	if (!r)
		r = subvolume_freeze(p->root, p->at.dir, name);
	if (!r)
		r = subvolume_identify_at(p->at.dir, name, &is);
	if (r)
		return r;
	memcpy(next.checkpoint, is.uuid, 16);
	next.offset = offset;
	next.digest = digest;
	r = journal_store(p->at.dir, &next);
	if (r)
		return r;
	p->at.journal = next;
	p->use = 1 - p->use;
	return subvolume_delete(p->at.dir, place_checkpoints[p->use]);
}

int partial_leave(struct partial *p)
{
	int r = renameat2(p->at.dir, PLACE_FILLED, p->at.directory, p->at.complete,
			  RENAME_NOREPLACE);

	if (r)
		return -errno;
	p->left = true;
	return 0;
}

int partial_seal(struct partial *p)
{
	int r = subvolume_seal(p->root, p->o.uuid, p->o.transid);

	if (r)
		return r;
	if (renameat2(p->at.directory, p->at.complete, p->at.directory, p->at.name,
		      RENAME_NOREPLACE))
		return -errno;
	r = subvolume_commit(p->at.directory);
	if (r)
		return r;
	/* It is received; what cannot be tidied up is no reason to call it a failure. */
	r = place_clear(&p->at, NULL) ?: place_remove(&p->at);
	if (r)
		tell(p, LOG_WARNING, "%s is complete, but %s could not be removed: %s", p->at.name,
		     p->at.private, strerror(-r));
	return 0;
}

int partial_discard(struct partial *p)
{
	int r = place_clear(&p->at, NULL) ?: place_remove(&p->at);

	if (r)
		tell(p, LOG_WARNING, "%s: the part in %s could not be removed: %s", p->at.name,
		     p->at.private, strerror(-r));
	return r;
}
