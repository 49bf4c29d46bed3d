// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "handle.h"
#include "store/file.h"

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
