// SPDX-License-Identifier: GPL-2.0-or-later
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "receive/journal.h"
#include "stream/command.h"
#include "stream/crc32c.h"

#define JOURNAL_NEW "journal.new"

static const char magic[8] = "extjrnl";

/* Little-endian; the checksum is over all before it. */
struct journal_file {
	char magic[8];
	uint32_t version, reserved;
	uint8_t stream_uuid[16], subvolume[16], checkpoint[16];
	uint64_t stream_transid, begin, offset, digest;
	uint8_t zero[28];
	uint32_t crc;
};

static_assert(sizeof(struct journal_file) == JOURNAL_SIZE, "no padding");
static_assert(offsetof(struct journal_file, crc) == JOURNAL_SIZE - 4, "the checksum is last");

void journal_encode(const struct journal *j, uint8_t out[JOURNAL_SIZE])
{
	struct journal_file f = {
		.version = htole32(JOURNAL_VERSION),
		.stream_transid = htole64(j->stream_transid),
		.begin = htole64(j->begin),
		.offset = htole64(j->offset),
		.digest = htole64(j->digest),
	};

	memcpy(f.magic, magic, sizeof(magic));
	memcpy(f.stream_uuid, j->stream_uuid, 16);
	memcpy(f.subvolume, j->subvolume, 16);
	memcpy(f.checkpoint, j->checkpoint, 16);
	f.crc = htole32(crc32c(0, (const uint8_t *)&f, offsetof(struct journal_file, crc)));
	memcpy(out, &f, sizeof(f));
}

int journal_decode(const uint8_t *bytes, size_t size, struct journal *j)
{
	struct journal_file f;

	if (size < sizeof(f.magic) + sizeof(f.version) || memcmp(bytes, magic, sizeof(magic)))
		return -EBADMSG;
	memcpy(&f.version, bytes + offsetof(struct journal_file, version), sizeof(f.version));
	if (le32toh(f.version) != JOURNAL_VERSION)
		return -EPROTONOSUPPORT;
	if (size != sizeof(f))
		return -EBADMSG;
	memcpy(&f, bytes, sizeof(f));
	if (le32toh(f.crc) != crc32c(0, bytes, offsetof(struct journal_file, crc)))
		return -EBADMSG;
	*j = (struct journal){
		.stream_transid = le64toh(f.stream_transid),
		.begin = le64toh(f.begin),
		.offset = le64toh(f.offset),
		.digest = le64toh(f.digest),
	};
	memcpy(j->stream_uuid, f.stream_uuid, 16);
	memcpy(j->subvolume, f.subvolume, 16);
	memcpy(j->checkpoint, f.checkpoint, 16);
	/* A checkpoint has a place behind the first command, and no place goes without one. */
	if (journal_has_checkpoint(j) != (j->offset > STREAM_COMMAND_HEADER))
		return -EBADMSG;
	return 0;
}

int journal_store(int dir, const struct journal *j)
{
	_cleanup_(closep) int fd = -1;
	uint8_t bytes[JOURNAL_SIZE];
	ssize_t n;

	journal_encode(j, bytes);
	fd = openat(dir, JOURNAL_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	n = pwrite(fd, bytes, sizeof(bytes), 0);
	if (n != (ssize_t)sizeof(bytes))
		return n < 0 ? -errno : -EIO;
	if (fsync(fd) || renameat(dir, JOURNAL_NEW, dir, JOURNAL_NAME) || fsync(dir))
		return -errno;
	return 0;
}

int journal_load(int dir, struct journal *j)
{
	_cleanup_(closep) int fd = -1;
	uint8_t bytes[JOURNAL_SIZE + 1];
	ssize_t n;

	fd = openat(dir, JOURNAL_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = pread(fd, bytes, sizeof(bytes), 0);
	return n < 0 ? -errno : journal_decode(bytes, n, j);
}

bool journal_has_checkpoint(const struct journal *j)
{
	static const uint8_t none[16];

	return memcmp(j->checkpoint, none, 16);
}

uint64_t journal_digest(uint64_t before, const struct stream_command *c)
{
	uint32_t known[3] = { htole32(c->length), htole32(c->op), htole32(c->crc) };

	return XXH3_64bits_withSeed(known, sizeof(known), before);
}
