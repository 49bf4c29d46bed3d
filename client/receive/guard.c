// SPDX-License-Identifier: GPL-2.0-or-later
#include "receive/guard.h"

enum path_verdict command_guard(const struct stream_command *c, struct stream_string *which)
{
	enum path_verdict v = PATH_OK;

	*which = c->path;
	switch (c->op) {
	case STREAM_C_SUBVOL:
	case STREAM_C_SNAPSHOT:
		return path_check_name(c->path.data, c->path.size);
	case STREAM_C_END:
		return PATH_OK;
	/* These may mean the root itself. */
	case STREAM_C_SET_XATTR:
	case STREAM_C_REMOVE_XATTR:
	case STREAM_C_CHMOD:
	case STREAM_C_CHOWN:
	case STREAM_C_UTIMES:
	case STREAM_C_FILEATTR:
		return path_check(c->path.data, c->path.size);
	default:
		v = path_check_entry(c->path.data, c->path.size);
	}
	if (v == PATH_OK && c->op == STREAM_C_RENAME) {
		*which = c->path_to;
		v = path_check_entry(c->path_to.data, c->path_to.size);
	}
	if (v == PATH_OK && c->op == STREAM_C_LINK) {
		*which = c->path_link;
		v = path_check_entry(c->path_link.data, c->path_link.size);
	}
	if (v == PATH_OK && c->op == STREAM_C_SYMLINK) {
		*which = c->path_link;
		v = path_check_target(c->path_link.data, c->path_link.size);
	}
	if (v == PATH_OK && c->op == STREAM_C_CLONE) {
		*which = c->clone_path;
		v = path_check_entry(c->clone_path.data, c->clone_path.size);
	}
	return v;
}
