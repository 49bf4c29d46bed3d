// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "stream/dump.h"
#include "stream/path.h"

#define TITLE_WIDTH 16
#define PATH_WIDTH  32

struct dump {
	FILE *out;
	char subvol[2 + STREAM_PATH_MAX + 1]; /* "./name" */
	size_t subvol_size;
};

/* C escapes, a blank too, octal for the rest. Returns the columns written. */
static int put_escaped(FILE *out, const void *bytes, size_t size)
{
	static const char letters[] = "abtnvfr"; /* of 7 to 13 */
	const unsigned char *p = bytes;
	int width = 0;

	for (; size--; p++) {
		if (*p >= 7 && *p <= 13)
			width += fprintf(out, "\\%c", letters[*p - 7]);
		else if (*p == 27)
			width += fprintf(out, "\\e");
		else if (*p == ' ' || *p == '\\')
			width += fprintf(out, "\\%c", *p);
		else if (*p < 32 || *p > 126)
			width += fprintf(out, "\\%03o", *p);
		else
			width += putc(*p, out) != EOF;
	}
	return width;
}

static int put_string(FILE *out, struct stream_string s)
{
	return put_escaped(out, s.data, s.size);
}

static int put_path(struct dump *d, struct stream_string path)
{
	int width = put_escaped(d->out, d->subvol, d->subvol_size);

	if (path.size && path.data[path.size - 1] == '/')
		path.size--;
	return width + put_escaped(d->out, "/", 1) + put_string(d->out, path);
}

static void put_uuid(FILE *out, const char *key, const uint8_t id[16])
{
	fputs(key, out);
	for (int i = 0; i < 16; i++)
		fprintf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
}

static void put_time(FILE *out, const char *key, const struct timespec *t)
{
	char text[64];
	struct tm tm;

	if (localtime_r(&t->tv_sec, &tm) && strftime(text, sizeof(text), "%FT%T%z", &tm))
		fprintf(out, "%s%s", key, text);
	else
		fprintf(out, "%s@%lld", key, (long long)t->tv_sec); /* beyond the calendar */
}

static void put_values(struct dump *d, const struct stream_command *c)
{
	FILE *out = d->out;

	switch (c->op) {
	case STREAM_C_SUBVOL:
		put_uuid(out, "uuid=", c->uuid);
		fprintf(out, " transid=%" PRIu64, c->ctransid);
		break;
	case STREAM_C_SNAPSHOT:
		put_uuid(out, "uuid=", c->uuid);
		fprintf(out, " transid=%" PRIu64, c->ctransid);
		put_uuid(out, " parent_uuid=", c->clone_uuid);
		fprintf(out, " parent_transid=%" PRIu64, c->clone_ctransid);
		break;
	case STREAM_C_MKNOD:
		fprintf(out, "mode=%" PRIo64 " dev=0x%" PRIx64, c->mode, c->rdev);
		break;
	case STREAM_C_SYMLINK:
	case STREAM_C_LINK:
		fputs("dest=", out);
		put_string(out, c->path_link);
		break;
	case STREAM_C_RENAME:
		fputs("dest=", out);
		put_path(d, c->path_to);
		break;
	case STREAM_C_SET_XATTR:
		fputs("name=", out);
		put_string(out, c->xattr_name);
		fputc(' ', out);
		put_escaped(out, c->xattr_data.data, c->xattr_data.size);
		fprintf(out, " len=%" PRIu32, c->xattr_data.size);
		break;
	case STREAM_C_REMOVE_XATTR:
		fputs("name=", out);
		put_string(out, c->xattr_name);
		break;
	case STREAM_C_WRITE:
		fprintf(out, "offset=%" PRIu64 " len=%" PRIu32, c->file_offset, c->data.size);
		break;
	case STREAM_C_CLONE:
		fprintf(out, "offset=%" PRIu64 " len=%" PRIu64 " from=", c->file_offset,
			c->clone_len);
		put_path(d, c->clone_path);
		fprintf(out, " clone_offset=%" PRIu64, c->clone_offset);
		break;
	case STREAM_C_TRUNCATE:
		fprintf(out, "size=%" PRIu64, c->size);
		break;
	case STREAM_C_CHMOD:
		fprintf(out, "mode=%" PRIo64, c->mode);
		break;
	case STREAM_C_CHOWN:
		fprintf(out, "gid=%" PRIu64 " uid=%" PRIu64, c->gid, c->uid);
		break;
	case STREAM_C_UTIMES:
		put_time(out, "atime=", &c->atime);
		put_time(out, " mtime=", &c->mtime);
		put_time(out, " ctime=", &c->ctime);
		break;
	case STREAM_C_UPDATE_EXTENT:
		fprintf(out, "offset=%" PRIu64 " len=%" PRIu64, c->file_offset, c->size);
		break;
	case STREAM_C_FALLOCATE:
		fprintf(out, "mode=%d offset=%" PRIu64 " len=%" PRIu64, (int)c->fallocate_mode,
			c->file_offset, c->size);
		break;
	case STREAM_C_FILEATTR:
		/* A decimal number behind 0x: a slip in btrfs-progs that scripts may know by now.
		 */
		fprintf(out, "fileattr=0x%" PRIu64, c->fileattr);
		break;
	case STREAM_C_ENCODED_WRITE:
		fprintf(out,
			"offset=%" PRIu64 " len=%" PRIu32 " unencoded_file_len=%" PRIu64
			" unencoded_len=%" PRIu64 " unencoded_offset=%" PRIu64
			" compression=%" PRIu32 " encryption=%" PRIu32,
			c->file_offset, c->data.size, c->unencoded_file_len, c->unencoded_len,
			c->unencoded_offset, c->compression, c->encryption);
		break;
	case STREAM_C_ENABLE_VERITY:
		fprintf(out,
			"algorithm=%u block_size=%" PRIu32 " salt_len=%" PRIu32 " sig_len=%" PRIu32,
			c->verity_algorithm, c->verity_block_size, c->verity_salt.size,
			c->verity_sig.size);
		break;
	default:
		break;
	}
}

/* These have nothing behind the path, not even the blanks that align it. */
static bool op_is_bare(enum stream_op op)
{
	switch (op) {
	case STREAM_C_MKFILE:
	case STREAM_C_MKDIR:
	case STREAM_C_MKFIFO:
	case STREAM_C_MKSOCK:
	case STREAM_C_UNLINK:
	case STREAM_C_RMDIR:
		return true;
	default:
		return false;
	}
}

static void put_command(struct dump *d, const struct stream_command *c)
{
	int width;

	fprintf(d->out, "%-*s", TITLE_WIDTH, stream_op_name(c->op));
	if (c->op == STREAM_C_SUBVOL || c->op == STREAM_C_SNAPSHOT) {
		size_t size = c->path.size < STREAM_PATH_MAX ? c->path.size : STREAM_PATH_MAX;

		if (size && c->path.data[size - 1] == '/')
			size--;
		memcpy(d->subvol, "./", 2);
		memcpy(d->subvol + 2, c->path.data, size);
		d->subvol_size = 2 + size;
		width = put_escaped(d->out, d->subvol, d->subvol_size);
	} else {
		width = put_path(d, c->path);
	}
	if (!op_is_bare(c->op)) {
		do
			fputc(' ', d->out);
		while (++width < PATH_WIDTH);
		put_values(d, c);
	}
	fputc('\n', d->out);
}

int stream_dump(struct stream *s, FILE *out, bool stop_at_end)
{
	struct dump d = { .out = out };
	struct stream_command c;
	int r;

	while ((r = stream_next(s, &c)) == 0) {
		if (c.op != STREAM_C_END)
			put_command(&d, &c);
		else if (stop_at_end)
			break;
		if (ferror(out))
			return -EIO;
	}
	if (fflush(out))
		return -EIO;
	return r < 0 ? r : 0;
}
