// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "base/cleanup.h"
#include "payload/payload.h"
#include "receive/crossing.h"
#include "receive/incoming.h"

/* Subvolumes of one input that later ones may refer to. */
#define SEEN_MAX 1024

struct rehearsal {
	struct payload_scratch *scratch;
	struct crossing *links;
	uint8_t seen[SEEN_MAX][16];
	unsigned int seen_n;
	uint64_t inodes, extents, plain, bytes, payload_bytes, clones;
	uint8_t missing[16]; /* the clone source that was found missing last */
	bool begun;
};

void rehearsal_free(struct rehearsal *r)
{
	if (r) {
		payload_scratch_free(r->scratch);
		crossing_free(r->links);
	}
	free(r);
}

static int rehearsal_new(struct rehearsal **out)
{
	_cleanup_(freep) struct rehearsal *r = calloc(1, sizeof(*r));
	int err = r ? payload_scratch_new(&r->scratch) : -ENOMEM;

	if (err)
		return err;
	*out = steal_ptr(&r);
	return 0;
}

/* Would it be there, if all before it had been received? */
static bool seen(const struct rehearsal *r, const uint8_t uuid[16])
{
	for (unsigned int i = 0; i < r->seen_n; i++)
		if (!memcmp(r->seen[i], uuid, 16))
			return true;
	return false;
}

int rehearse_begin(struct incoming *t, const struct stream_command *c)
{
	struct rehearsal *r;
	struct stat st;
	int err = t->rehearsal ? 0 : rehearsal_new(&t->rehearsal);

	if (err)
		return err;
	r = t->rehearsal;
	crossing_free(r->links);
	r->links = NULL;
	err = crossing_new(&r->links);
	if (err)
		return err;
	r->inodes = r->extents = r->plain = r->bytes = r->payload_bytes = r->clones = 0;
	r->begun = true;
	t->stats->subvolumes++;
	incoming_tell(t, LOG_INFO, "At %s %s", stream_op_name(c->op), t->name);
	if (partial_exists(t->o->directory, t->name)) {
		incoming_tell(t, t->o->policy == PARTIAL_REFUSE ? LOG_ERR : LOG_INFO,
			      "%s: a part of it was received before%s", t->name,
			      t->o->policy == PARTIAL_REFUSE ? "; it takes --resume or --abort"
							     : "");
		err = t->o->policy == PARTIAL_REFUSE ? -EEXIST : 0;
	}
	if (!fstatat(t->o->directory, t->name, &st, AT_SYMLINK_NOFOLLOW))
		err = -EEXIST;
	if (c->op == STREAM_C_SNAPSHOT && !seen(r, c->clone_uuid)) {
		int fd = reference_open(&t->reference, "parent", c->clone_uuid, c->clone_ctransid);

		err = fd < 0 ? fd : err;
	}
	return err;
}

static int check_extent(struct incoming *t, const struct action *a, const struct stream_command *c)
{
	enum payload_level level = t->o->trust ? PAYLOAD_STRUCTURE : PAYLOAD_FULL;
	struct payload_fault fault = { 0 };
	const char *text = "";
	int r;

	if (c->encryption)
		r = -EOPNOTSUPP;
	else if (!c->unencoded_file_len || c->unencoded_offset > c->unencoded_len ||
		 c->unencoded_file_len > c->unencoded_len - c->unencoded_offset)
		r = -EBADMSG, text = "the extent's lengths contradict";
	else {
		r = payload_check_part(t->rehearsal->scratch, c->compression, c->data.data,
				       c->data.size, c->unencoded_len,
				       c->unencoded_offset + c->unencoded_file_len, level, &fault);
		if (r == PAYLOAD_BAD)
			r = -EBADMSG, text = payload_fault_text(fault.code);
	}
	return r ? incoming_failed_at(t, a->position, stream_op_name(c->op), c->path, r, text) : 0;
}

static int data(struct incoming *t, const struct action *a, const struct stream_command *c)
{
	struct rehearsal *r = t->rehearsal;
	bool encoded = c->op == STREAM_C_ENCODED_WRITE && c->compression;

	r->bytes += encoded ? c->unencoded_file_len : c->data.size;
	r->payload_bytes += c->data.size;
	if (!encoded) {
		r->plain++;
		return 0;
	}
	r->extents++;
	return check_extent(t, a, c);
}

static int clone_source(struct incoming *t, const struct action *a, const struct stream_command *c)
{
	struct rehearsal *r = t->rehearsal;
	int fd;

	r->clones++;
	if (!memcmp(c->clone_uuid, t->uuid, 16) || seen(r, c->clone_uuid) ||
	    !memcmp(c->clone_uuid, r->missing, 16))
		return 0;
	fd = reference_open(&t->reference, "clone source", c->clone_uuid, c->clone_ctransid);
	if (fd >= 0)
		return 0;
	memcpy(r->missing, c->clone_uuid, 16);
	return incoming_failed_at(t, a->position, "clone", c->path, fd, "");
}

int rehearse_action(struct incoming *t, const struct action *a)
{
	const struct stream_command *c = a->command;
	int r;

	if (!t->rehearsal || !t->rehearsal->begun)
		return incoming_failed_at(t, a->position, c ? stream_op_name(c->op) : "utimes",
					  a->path, -EPROTO, "no subvolume was begun");
	r = crossing_refuse(t->rehearsal->links, a, c && !memcmp(c->clone_uuid, t->uuid, 16));
	if (!r)
		r = crossing_follow(t->rehearsal->links, a);
	if (r)
		return incoming_failed_at(t, a->position, c ? stream_op_name(c->op) : "utimes",
					  a->path, r, "");
	if (a->type == ACTION_MAKE)
		t->rehearsal->inodes++;
	if (a->type != ACTION_COMMAND)
		return 0;
	switch (c->op) {
	case STREAM_C_MKFILE:
	case STREAM_C_MKDIR:
	case STREAM_C_MKNOD:
	case STREAM_C_MKFIFO:
	case STREAM_C_MKSOCK:
	case STREAM_C_SYMLINK:
		t->rehearsal->inodes++;
		return 0;
	case STREAM_C_WRITE:
	case STREAM_C_ENCODED_WRITE:
		return data(t, a, c);
	case STREAM_C_CLONE:
		return clone_source(t, a, c);
	default:
		return 0;
	}
}

int rehearse_end(struct incoming *t)
{
	struct rehearsal *r = t->rehearsal;

	if (!r || !r->begun)
		return 0;
	incoming_tell(t, LOG_INFO,
		      "%s: %" PRIu64 " new inodes, %" PRIu64 " bytes of data in %" PRIu64
		      " compressed extents and %" PRIu64 " plain writes (%" PRIu64
		      " bytes in the stream), %" PRIu64 " clones; %s",
		      t->name, r->inodes, r->bytes, r->extents, r->plain, r->payload_bytes,
		      r->clones, t->errors ? "it could not be received" : "nothing is missing");
	if (r->seen_n < SEEN_MAX)
		memcpy(r->seen[r->seen_n++], t->uuid, 16);
	r->begun = false;
	return 0;
}
