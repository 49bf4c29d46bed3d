// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "craft.h"
#include "stream/crc32c.h"

const uint8_t craft_uuid[16] = { 0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe,
				 1,    2,    3,	   4,	 5,    6,    7,	   8 };
const uint8_t craft_parent_uuid[16] = { 0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

void craft_new(struct craft *c)
{
	*c = (struct craft){ .data = malloc(CRAFT_SIZE) };
	if (!c->data)
		abort();
}

void craft_free(struct craft *c)
{
	free(c->data);
}

void craft_raw(struct craft *c, const void *data, size_t size)
{
	if (size > CRAFT_SIZE - c->size)
		abort();
	if (size)
		memcpy(c->data + c->size, data, size);
	c->size += size;
}

static void craft_le(struct craft *c, uint64_t v, size_t size)
{
	v = htole64(v);
	craft_raw(c, &v, size);
}

void craft_header(struct craft *c, uint32_t version)
{
	c->version = version;
	craft_raw(c, STREAM_MAGIC, STREAM_MAGIC_SIZE);
	craft_le(c, version, 4);
}

void craft_begin(struct craft *c, unsigned int op)
{
	c->command = c->size;
	craft_le(c, 0, 4);
	craft_le(c, op, 2);
	craft_le(c, 0, 4);
}

void craft_attribute(struct craft *c, unsigned int attribute, const void *data, size_t size)
{
	craft_le(c, attribute, 2);
	if (c->version < 2 || attribute != STREAM_A_DATA)
		craft_le(c, size, 2);
	craft_raw(c, data, size);
}

void craft_u32(struct craft *c, unsigned int attribute, uint32_t v)
{
	v = htole32(v);
	craft_attribute(c, attribute, &v, sizeof(v));
}

void craft_u64(struct craft *c, unsigned int attribute, uint64_t v)
{
	v = htole64(v);
	craft_attribute(c, attribute, &v, sizeof(v));
}

void craft_string(struct craft *c, unsigned int attribute, const char *s)
{
	craft_attribute(c, attribute, s, strlen(s));
}

void craft_time(struct craft *c, unsigned int attribute, int64_t sec, uint32_t nsec)
{
	uint8_t bytes[12];
	uint64_t s = htole64(sec);
	uint32_t n = htole32(nsec);

	memcpy(bytes, &s, 8);
	memcpy(bytes + 8, &n, 4);
	craft_attribute(c, attribute, bytes, sizeof(bytes));
}

void craft_end(struct craft *c)
{
	uint8_t *p = c->data + c->command;
	uint32_t v = htole32(c->size - c->command - STREAM_COMMAND_HEADER);

	memcpy(p, &v, 4);
	memset(p + 6, 0, 4);
	/* The portable routine: the code under test computes it the other way. */
	v = htole32(crc32c_portable(0, p, c->size - c->command));
	memcpy(p + 6, &v, 4);
}

void craft(struct craft *c, unsigned int op, const char *letters, ...)
{
	static const struct {
		char letter;
		uint8_t attribute;
	} strings[] = { { 'p', STREAM_A_PATH },
			{ 't', STREAM_A_PATH_TO },
			{ 'l', STREAM_A_PATH_LINK },
			{ 'c', STREAM_A_CLONE_PATH } },
	  numbers[] = { { 'i', STREAM_A_INO },	      { 's', STREAM_A_SIZE },
			{ 'm', STREAM_A_MODE },	      { 'u', STREAM_A_UID },
			{ 'g', STREAM_A_GID },	      { 'r', STREAM_A_RDEV },
			{ 'o', STREAM_A_FILE_OFFSET } };
	const void *data;
	int64_t sec;
	va_list ap;

	craft_begin(c, op);
	va_start(ap, letters);
	for (; *letters; letters++) {
		for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
			if (*letters == strings[i].letter)
				craft_string(c, strings[i].attribute, va_arg(ap, const char *));
		for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
			if (*letters == numbers[i].letter)
				craft_u64(c, numbers[i].attribute, va_arg(ap, uint64_t));
		switch (*letters) {
		case 'd':
			data = va_arg(ap, const void *);
			craft_attribute(c, STREAM_A_DATA, data, va_arg(ap, size_t));
			break;
		case 'x':
			craft_string(c, STREAM_A_XATTR_NAME, va_arg(ap, const char *));
			data = va_arg(ap, const void *);
			craft_attribute(c, STREAM_A_XATTR_DATA, data, va_arg(ap, size_t));
			break;
		case 'U':
			craft_attribute(c, STREAM_A_UUID, va_arg(ap, const uint8_t *), 16);
			craft_u64(c, STREAM_A_CTRANSID, va_arg(ap, uint64_t));
			break;
		case 'C':
			craft_attribute(c, STREAM_A_CLONE_UUID, va_arg(ap, const uint8_t *), 16);
			craft_u64(c, STREAM_A_CLONE_CTRANSID, va_arg(ap, uint64_t));
			break;
		case 'T':
			sec = va_arg(ap, int64_t);
			craft_time(c, STREAM_A_ATIME, sec, 1);
			craft_time(c, STREAM_A_MTIME, sec, 2);
			craft_time(c, STREAM_A_CTIME, sec, 3);
			break;
		}
	}
	va_end(ap);
	craft_end(c);
}

ssize_t craft_read(void *userdata, void *buffer, size_t size)
{
	struct craft *c = userdata;
	size_t left = c->size - c->read;

	if (size > left)
		size = left;
	if (c->chunk && size > c->chunk)
		size = c->chunk;
	if (size)
		memcpy(buffer, c->data + c->read, size);
	c->read += size;
	return size;
}
