// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "replicate/inventory.h"

char *uuid_print(const uint8_t uuid[16], char out[UUID_TEXT])
{
	char *p = out;

	for (int i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			     uuid[i]);
	return out;
}

int uuid_parse(const char *text, uint8_t uuid[16])
{
	unsigned int byte;
	int used = 0;

	for (int i = 0; i < 16; i++, text += used) {
		text += (i == 4 || i == 6 || i == 8 || i == 10) && *text == '-';
		if (sscanf(text, "%2x%n", &byte, &used) != 1 || used != 2)
			return -EINVAL;
		uuid[i] = (uint8_t)byte;
	}
	return *text ? -EINVAL : 0;
}

static json_t *uuid_json(const uint8_t uuid[16])
{
	char text[UUID_TEXT];

	return replica_has(uuid) ? json_string(uuid_print(uuid, text)) : json_null();
}

/* Paths are bytes; what is no UTF-8 cannot stand in JSON, and is not needed to find a parent. */
static json_t *replica_json(const struct replica *r)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:b,s:o,s:o,s:o,s:o}", "id", (json_int_t)r->id,
			 "made", (json_int_t)r->otransid, "changed", (json_int_t)r->ctransid,
			 "received_changed", (json_int_t)r->stransid, "time", (json_int_t)r->otime,
			 "read_only", r->read_only, "uuid", uuid_json(r->uuid), "parent_uuid",
			 uuid_json(r->parent_uuid), "received_uuid", uuid_json(r->received_uuid),
			 "path", json_string(r->path ?: "") ?: json_null());
}

json_t *inventory_to_json(const struct inventory *i)
{
	json_t *list = json_array();

	for (size_t k = 0; k < i->count; k++)
		json_array_append_new(list, replica_json(&i->list[k]));
	return json_pack("{s:o,s:I,s:o,s:o}", "filesystem", uuid_json(i->filesystem), "free",
			 (json_int_t)i->free, "snapshots", list, "parts",
			 parts_to_json(i->parts, i->part_count));
}

/* NULL, as for what has none, leaves zeros. */
static int uuid_take(const json_t *value, uint8_t uuid[16])
{
	memset(uuid, 0, 16);
	if (json_is_null(value))
		return 0;
	return json_is_string(value) ? uuid_parse(json_string_value(value), uuid) : -EINVAL;
}

static int replica_take(json_t *value, struct replica *r)
{
	json_int_t id, made, changed, received, time;
	json_t *uuid, *parent, *from, *path;
	int read_only;

	if (json_unpack(value, "{s:I,s:I,s:I,s:I,s:I,s:b,s:o,s:o,s:o,s:o}", "id", &id, "made",
			&made, "changed", &changed, "received_changed", &received, "time", &time,
			"read_only", &read_only, "uuid", &uuid, "parent_uuid", &parent,
			"received_uuid", &from, "path", &path))
		return -EPROTO;
	*r = (struct replica){
		.id = (uint64_t)id,
		.otransid = (uint64_t)made,
		.ctransid = (uint64_t)changed,
		.stransid = (uint64_t)received,
		.otime = time,
		.read_only = read_only,
	};
	if (uuid_take(uuid, r->uuid) || uuid_take(parent, r->parent_uuid) ||
	    uuid_take(from, r->received_uuid))
		return -EPROTO;
	r->path = strdup(json_is_string(path) ? json_string_value(path) : "?");
	return r->path ? 0 : -ENOMEM;
}

int inventory_from_json(const char *text, struct inventory *out)
{
	json_t *root = json_loads(text, 0, NULL), *fsid, *list;
	json_int_t room;
	int r = -EPROTO;

	*out = (struct inventory){ .list = NULL };
	if (root &&
	    !json_unpack(root, "{s:o,s:I,s:o}", "filesystem", &fsid, "free", &room, "snapshots",
			 &list) &&
	    json_is_array(list) && !uuid_take(fsid, out->filesystem)) {
		r = 0;
		out->free = (uint64_t)room;
		out->list = calloc(json_array_size(list) + 1, sizeof(*out->list));
		if (!out->list)
			r = -ENOMEM;
		for (size_t k = 0; !r && k < json_array_size(list); k++) {
			r = replica_take(json_array_get(list, k), &out->list[k]);
			out->count = k + !r;
		}
		if (!r)
			r = parts_from_json(json_object_get(root, "parts"), &out->parts,
					    &out->part_count);
	}
	json_decref(root);
	if (r)
		inventory_free(out);
	return r;
}
