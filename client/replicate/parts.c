// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "receive/journal.h"
#include "replicate/inventory.h"
#include "replicate/parts.h"

#define SUFFIX ".partial" /* as receive/place.c has it */

static int append(struct part **list, size_t *count, const struct journal *j)
{
	struct part *larger = reallocarray(*list, *count + 1, sizeof(**list));

	if (!larger)
		return -ENOMEM;
	*list = larger;
	larger += (*count)++;
	*larger = (struct part){ .transid = j->stream_transid };
	memcpy(larger->stream, j->stream_uuid, 16);
	if (journal_has_checkpoint(j)) {
		larger->offset = j->offset;
		larger->digest = j->digest;
	}
	return 0;
}

static int look(int directory, const char *name, struct part **list, size_t *count)
{
	_cleanup_(closep) int dir =
		openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct journal j;

	return dir < 0 || journal_load(dir, &j) ? 0 : append(list, count, &j);
}

int parts_take(int directory, struct part **out, size_t *count)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	*out = NULL;
	*count = 0;
	if (!d) {
		r = -errno;
		closep(&fd);
		return r;
	}
	while (!r && (e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (*e->d_name == '.' && n > strlen(SUFFIX) &&
		    !strcmp(e->d_name + n - strlen(SUFFIX), SUFFIX))
			r = look(directory, e->d_name, out, count);
	}
	closedir(d);
	if (r) {
		free(*out);
		*out = NULL;
	}
	return r;
}

/* Digests use all 64 bits, which JSON's numbers here have not. */
json_t *parts_to_json(const struct part *parts, size_t count)
{
	json_t *list = json_array();
	char uuid[UUID_TEXT], digest[20];

	for (size_t i = 0; list && i < count; i++) {
		snprintf(digest, sizeof(digest), "%016" PRIx64, parts[i].digest);
		json_array_append_new(list,
				      json_pack("{s:s,s:I,s:I,s:s}", "stream_uuid",
						uuid_print(parts[i].stream, uuid), "transid",
						(json_int_t)parts[i].transid, "offset",
						(json_int_t)parts[i].offset, "digest", digest));
	}
	return list;
}

int parts_from_json(const json_t *array, struct part **out, size_t *count)
{
	*out = NULL;
	*count = 0;
	if (!array)
		return 0;
	*out = calloc(json_array_size(array) + 1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct part *p = &(*out)[i];
		const char *uuid, *digest;
		json_int_t transid, offset;

		if (json_unpack(json_array_get(array, i), "{s:s,s:I,s:I,s:s}", "stream_uuid", &uuid,
				"transid", &transid, "offset", &offset, "digest", &digest) ||
		    uuid_parse(uuid, p->stream) || offset < 0 ||
		    sscanf(digest, "%" SCNx64, &p->digest) != 1) {
			free(*out);
			*out = NULL;
			return -EPROTO;
		}
		p->transid = (uint64_t)transid;
		p->offset = (uint64_t)offset;
		*count = i + 1;
	}
	return 0;
}
