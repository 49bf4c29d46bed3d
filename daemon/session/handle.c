// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "handle.h"
#include "store/file.h"
#include "store/inode.h"

struct handle *handle_ref(struct handle *handle)
{
	handle->refs++;
	return handle;
}

void handle_unref(struct handle *handle)
{
	if (!handle || --handle->refs)
		return;
	file_unref(handle->file);
	free(handle);
}

bool handle_crowded(const struct handle *handle)
{
	return handle->file && handle->file->inode->n_held >= LIMIT_FILE_HELD;
}

struct handle *session_handle(struct session *s, uint32_t number)
{
	struct handle *h = s->handles && number < LIMIT_FILES ? s->handles[number] : NULL;

	return h && (h->file || h->opening) ? h : NULL;
}
