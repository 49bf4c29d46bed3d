// SPDX-License-Identifier: GPL-2.0-or-later
/* What files hold: written, cloned, cut, sealed. */
#include <errno.h>
#include <linux/fsverity.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/target.h"
#include "stream/block.h"

#define VERITY_TRIES	200
#define VERITY_PAUSE_MS 10

int content_write(struct executor *t, const struct action *a)
{
	const struct stream_command *c = a->command;
	bool encoded = c->op == STREAM_C_ENCODED_WRITE && c->compression;
	struct extent_write w = {
		.offset = c->file_offset,
		.len = encoded ? c->unencoded_file_len : c->data.size,
		.unencoded_len = encoded ? c->unencoded_len : c->data.size,
		.unencoded_offset = encoded ? c->unencoded_offset : 0,
		.compression = encoded ? c->compression : 0,
		.encryption = c->op == STREAM_C_ENCODED_WRITE ? c->encryption : 0,
		.payload = c->data.data,
		.payload_len = c->data.size,
	};
	uint64_t end;
	int r;

	if (__builtin_add_overflow(w.offset, w.len, &end) || end > INT64_MAX)
		return -EFBIG;
	if (!encoded && w.encryption)
		return -EOPNOTSUPP;
	r = current_open(t, c->path);
	if (r || (!encoded && !w.len))
		return r;
	if (a->cut && end < restore_file_end(t->current.file))
		r = restore_file_truncate(t->current.file, w.offset);
	return r ?: restore_write(t->current.file, &w);
}

int content_clone(struct executor *t, const struct stream_command *c)
{
	_cleanup_(closep) int source = -1;
	int root, r;

	if (!c->clone_len) /* to the ioctl this means "to the end" */
		return 0;
	r = current_open(t, c->path);
	if (r)
		return r;
	root = t->o.clone_root(t->o.userdata, c->clone_uuid, c->clone_ctransid);
	if (root < 0)
		return root;
	source = paths_open_file(root, c->clone_path);
	if (source < 0)
		return source;
	return restore_file_clone(t->current.file, c->file_offset, source, c->clone_offset,
				  c->clone_len);
}

int content_resize(struct executor *t, const struct stream_command *c)
{
	int r = current_open(t, c->path);

	if (r)
		return r;
	if (c->op == STREAM_C_TRUNCATE)
		return restore_file_truncate(t->current.file, c->size);
	return restore_file_fallocate(t->current.file, (int)c->fallocate_mode, c->file_offset,
				      c->size);
}

int content_verity(struct executor *t, const struct stream_command *c)
{
	_cleanup_(restore_dir_putp) struct restore_dir *dir = NULL;
	struct fsverity_enable_arg arg = {
		.version = 1,
		.hash_algorithm = c->verity_algorithm,
		.block_size = c->verity_block_size,
		.salt_size = c->verity_salt.size,
		.salt_ptr = (uintptr_t)c->verity_salt.data,
		.sig_size = c->verity_sig.size,
		.sig_ptr = (uintptr_t)c->verity_sig.data,
	};
	char name[STREAM_NAME_MAX + 1];
	int r = current_done(t); /* no writer may be left */

	if (!r)
		r = paths_parent(t->paths, c->path, &dir, name);
	if (!r)
		r = restore_name_verity(dir, name, &arg);
	/* A daemon has it open for writing until all of it is safe, and then closes it. */
	for (int tries = 0; r == -ETXTBSY && tries < VERITY_TRIES; tries++) {
		r = tries ? restore_wait(t->restore, VERITY_PAUSE_MS) : restore_sync(t->restore);
		r = r < 0 ? r : restore_name_verity(dir, name, &arg);
	}
	return r;
}
