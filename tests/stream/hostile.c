// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes one hand-made stream to stdout: the faults that btrfs receive has or had, and what
 * somebody would try who controls a stream.
 *
 *	hostile CASE
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "craft.h"

static struct craft w;

static void make(const char *path)
{
	craft(&w, STREAM_C_MKFILE, "pi", "o300-1-0", 300ull);
	craft(&w, STREAM_C_RENAME, "pt", "o300-1-0", path);
}

static void write_text(const char *path, uint64_t offset, const char *text)
{
	craft(&w, STREAM_C_WRITE, "pod", path, offset, text, strlen(text));
}

static void link_out(void)
{
	craft(&w, STREAM_C_SYMLINK, "pil", "o301-1-0", 301ull, getenv("OUTSIDE") ?: "/nowhere");
	craft(&w, STREAM_C_RENAME, "pt", "o301-1-0", "out");
}

static void encoded_at(const char *path, uint64_t at, uint64_t len, uint64_t unencoded,
		       uint64_t offset, uint32_t compression, const void *payload, size_t size)
{
	craft_begin(&w, STREAM_C_ENCODED_WRITE);
	craft_string(&w, STREAM_A_PATH, path);
	craft_u64(&w, STREAM_A_FILE_OFFSET, at);
	craft_u64(&w, STREAM_A_UNENCODED_FILE_LEN, len);
	craft_u64(&w, STREAM_A_UNENCODED_LEN, unencoded);
	craft_u64(&w, STREAM_A_UNENCODED_OFFSET, offset);
	craft_u32(&w, STREAM_A_COMPRESSION, compression);
	craft_attribute(&w, STREAM_A_DATA, payload, size);
	craft_end(&w);
}

static void encoded(const char *path, uint64_t len, uint64_t unencoded, uint64_t offset,
		    uint32_t compression, const void *payload, size_t size)
{
	encoded_at(path, 0, len, unencoded, offset, compression, payload, size);
}

static void clone(const char *path, uint64_t len, const uint8_t uuid[16], const char *from)
{
	craft_begin(&w, STREAM_C_CLONE);
	craft_string(&w, STREAM_A_PATH, path);
	craft_u64(&w, STREAM_A_FILE_OFFSET, 0);
	craft_u64(&w, STREAM_A_CLONE_LEN, len);
	craft_attribute(&w, STREAM_A_CLONE_UUID, uuid, 16);
	craft_u64(&w, STREAM_A_CLONE_CTRANSID, 1);
	craft_string(&w, STREAM_A_CLONE_PATH, from);
	craft_u64(&w, STREAM_A_CLONE_OFFSET, 0);
	craft_end(&w);
}

/* A whole zstd frame of 8 KiB of 'x' (one RLE block), and one that breaks off in its header. */
static const uint8_t zstd_whole[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x00,
				      0x1f, 0x03, 0x00, 0x01, 'x' };

static void one_case(const char *name)
{
#define CASE(text) if (!strcmp(name, text))
	CASE("good")
	{
		make("f");
		encoded("f", 8192, 8192, 0, 2, zstd_whole, sizeof(zstd_whole));
		craft_begin(&w, STREAM_C_CHMOD);
		craft_string(&w, STREAM_A_PATH, "f");
		craft_u64(&w, STREAM_A_MODE, 0640);
		craft_attribute(&w, 99, "unknown attributes may be ignored", 33);
		craft_end(&w);
		return;
	}
	CASE("lzo-segment-past-the-end")
	{
		uint8_t payload[4096] = { 64, 0, 0, 0, 0xff, 0x0f, 0, 0 };

		make("f");
		encoded("f", 4096, 4096, 0, 3, payload, sizeof(payload));
		return;
	}
	CASE("offset-past-the-extent")
	{
		make("f");
		encoded("f", 8192, 8192, 4096, 2, zstd_whole, sizeof(zstd_whole));
		return;
	}
	CASE("offset-overflow")
	{
		make("f");
		encoded("f", 8192, 8192, UINT64_MAX - 4095, 2, zstd_whole, sizeof(zstd_whole));
		return;
	}
	CASE("unencoded-huge")
	{
		make("f");
		encoded("f", 8192, 1ull << 60, 0, 2, zstd_whole, sizeof(zstd_whole));
		return;
	}
	CASE("zstd-truncated")
	{
		make("f");
		encoded("f", 8192, 8192, 0, 2, zstd_whole, sizeof(zstd_whole) - 2);
		return;
	}
	CASE("encrypted")
	{
		make("f");
		craft_begin(&w, STREAM_C_ENCODED_WRITE);
		craft_string(&w, STREAM_A_PATH, "f");
		craft_u64(&w, STREAM_A_FILE_OFFSET, 0);
		craft_u64(&w, STREAM_A_UNENCODED_FILE_LEN, 8192);
		craft_u64(&w, STREAM_A_UNENCODED_LEN, 8192);
		craft_u64(&w, STREAM_A_UNENCODED_OFFSET, 0);
		craft_u32(&w, STREAM_A_COMPRESSION, 2);
		craft_u32(&w, STREAM_A_ENCRYPTION, 1);
		craft_attribute(&w, STREAM_A_DATA, zstd_whole, sizeof(zstd_whole));
		craft_end(&w);
		return;
	}
	CASE("dotdot")
	{
		make("../escaped");
		return;
	}
	CASE("dotdot-inside")
	{
		craft(&w, STREAM_C_MKDIR, "pi", "d", 300ull);
		craft(&w, STREAM_C_MKFILE, "pi", "d/../../escaped", 301ull);
		return;
	}
	CASE("absolute")
	{
		make(getenv("OUTSIDE") ?: "/nowhere");
		return;
	}
	CASE("symlink-create")
	{
		link_out();
		make("out/escaped");
		return;
	}
	CASE("symlink-write")
	{
		craft(&w, STREAM_C_SYMLINK, "pil", "l", 301ull, "../outside/victim");
		write_text("l", 0, "overwritten");
		return;
	}
	CASE("symlink-write-through")
	{
		link_out();
		write_text("out/victim", 0, "overwritten");
		return;
	}
	CASE("symlink-chmod")
	{
		link_out();
		craft(&w, STREAM_C_CHMOD, "pm", "out/victim", 0777ull);
		return;
	}
	CASE("symlink-chmod-itself")
	{
		craft(&w, STREAM_C_SYMLINK, "pil", "l", 301ull, "../outside/victim");
		craft(&w, STREAM_C_CHMOD, "pm", "l", 0700ull);
		return;
	}
	CASE("symlink-truncate")
	{
		craft(&w, STREAM_C_SYMLINK, "pil", "l", 301ull, "../outside/victim");
		craft(&w, STREAM_C_TRUNCATE, "ps", "l", 0ull);
		return;
	}
	CASE("symlink-unlink")
	{
		link_out();
		craft(&w, STREAM_C_UNLINK, "p", "out/victim");
		return;
	}
	CASE("symlink-xattr")
	{
		link_out();
		craft(&w, STREAM_C_SET_XATTR, "px", "out/victim", "user.x", "v", (size_t)1);
		return;
	}
	CASE("symlink-rename")
	{
		make("f");
		link_out();
		craft(&w, STREAM_C_RENAME, "pt", "f", "out/victim");
		return;
	}
	CASE("symlink-hard-link")
	{
		link_out();
		craft(&w, STREAM_C_LINK, "pl", "mine", "out/victim");
		return;
	}
	CASE("symlink-times")
	{
		link_out();
		craft(&w, STREAM_C_UTIMES, "pT", "out/victim", (int64_t)1);
		return;
	}
	CASE("clone-escape")
	{
		make("f");
		clone("f", 4096, craft_uuid, "../outside/victim");
		return;
	}
	CASE("clone-through-symlink")
	{
		make("f");
		link_out();
		clone("f", 4096, craft_uuid, "out/victim");
		return;
	}
	CASE("clone-source-missing")
	{
		make("f");
		clone("f", 4096, craft_parent_uuid, "f");
		return;
	}
	CASE("clone-longer-than-an-int")
	{
		make("a");
		write_text("a", (4ull << 30) + 4096, "behind four gigabytes");
		craft(&w, STREAM_C_TRUNCATE, "ps", "a", (4ull << 30) + 8192);
		make("b");
		craft(&w, STREAM_C_TRUNCATE, "ps", "b", (4ull << 30) + 8192);
		clone("b", (4ull << 30) + 8192, craft_uuid, "a");
		return;
	}
	CASE("stale-descriptor")
	{
		make("p");
		write_text("p", 0, "first");
		craft(&w, STREAM_C_RENAME, "pt", "p", "q");
		craft(&w, STREAM_C_MKFILE, "pi", "p", 302ull);
		write_text("p", 0, "second");
		return;
	}
	CASE("stale-unlinked")
	{
		make("p");
		write_text("p", 0, "a longer first text");
		craft(&w, STREAM_C_UNLINK, "p", "p");
		craft(&w, STREAM_C_MKFILE, "pi", "p", 302ull);
		write_text("p", 0, "second");
		return;
	}
	CASE("tail-not-next") /* not hostile: between a tail and its truncation stand others */
	{
		make("f");
		write_text("f", 16380, "long");
		craft(&w, STREAM_C_UTIMES, "pT", "f", (int64_t)1); /* the inode is made */
		encoded_at("f", 8192, 5000, 8192, 0, 2, zstd_whole, sizeof(zstd_whole));
		write_text("f", 0, "before");
		craft(&w, STREAM_C_SET_XATTR, "px", "f", "user.x", "v", (size_t)1);
		craft(&w, STREAM_C_CHMOD, "pm", "f", 0600ull);
		craft(&w, STREAM_C_TRUNCATE, "ps", "f", 13192ull);
		return;
	}
	CASE("links-that-are-gone") /* not hostile */
	{
		link_out();
		craft(&w, STREAM_C_UNLINK, "p", "out");
		make("out");
		write_text("out", 0, "a file now");
		craft(&w, STREAM_C_SYMLINK, "pil", "o302-1-0", 302ull, "/nowhere");
		craft(&w, STREAM_C_MKDIR, "pi", "d", 303ull);
		craft(&w, STREAM_C_RENAME, "pt", "o302-1-0", "d/l");
		craft(&w, STREAM_C_RENAME, "pt", "d", "e");
		craft(&w, STREAM_C_MKDIR, "pi", "d", 304ull);
		craft(&w, STREAM_C_MKDIR, "pi", "d/l", 305ull);
		craft(&w, STREAM_C_MKFILE, "pi", "d/l/f", 306ull);
		craft(&w, STREAM_C_MKFILE, "pi", "g", 307ull);
		craft(&w, STREAM_C_RENAME, "pt", "g", "e/l"); /* over the link */
		write_text("e/l", 0, "a file now");
		return;
	}
	CASE("verity") /* not hostile */
	{
		make("f");
		encoded("f", 8192, 8192, 0, 2, zstd_whole, sizeof(zstd_whole));
		craft(&w, STREAM_C_CHMOD, "pm", "f", 0640ull);
		craft_begin(&w, STREAM_C_ENABLE_VERITY);
		craft_string(&w, STREAM_A_PATH, "f");
		craft_attribute(&w, STREAM_A_VERITY_ALGORITHM, "\1", 1);
		craft_u32(&w, STREAM_A_VERITY_BLOCK_SIZE, 4096);
		craft_attribute(&w, STREAM_A_VERITY_SALT, "salt", 4);
		craft_attribute(&w, STREAM_A_VERITY_SIG, "", 0);
		craft_end(&w);
		craft(&w, STREAM_C_UTIMES, "pT", "f", (int64_t)1000);
		return;
	}
	CASE("command-4g")
	{
		craft_raw(&w, "\xf5\xff\xff\xff\x0f\0\0\0\0\0", 10);
		return;
	}
	CASE("unknown-command")
	{
		craft(&w, 4711, "p", "f");
		return;
	}
	CASE("write-beyond-the-largest-file")
	{
		make("f");
		write_text("f", UINT64_MAX - 2, "wraps");
		return;
	}
	CASE("fifo-write") /* would block for ever, opened without care */
	{
		craft(&w, STREAM_C_MKFIFO, "pi", "f", 300ull);
		write_text("f", 0, "x");
		return;
	}
	errx(2, "no case %s", name);
}

int main(int argc, char **argv)
{
	const char *name = argc == 2 ? argv[1] : "";

	craft_new(&w);
	craft_header(&w, strcmp(name, "verity") ? 2 : 3);
	if (!strcmp(name, "no-subvolume")) {
		make("f");
	} else if (!strcmp(name, "subvolume-dotdot")) {
		craft(&w, STREAM_C_SUBVOL, "pU", "..", craft_uuid, 1ull);
	} else if (!strcmp(name, "subvolume-path")) {
		craft(&w, STREAM_C_SUBVOL, "pU", "a/b", craft_uuid, 1ull);
	} else if (!strcmp(name, "parent-missing")) {
		craft(&w, STREAM_C_SNAPSHOT, "pUC", "s", craft_uuid, 1ull, craft_parent_uuid, 1ull);
	} else {
		craft(&w, STREAM_C_SUBVOL, "pU", "s", craft_uuid, 1ull);
		if (!strcmp(name, "no-end"))
			make("f");
		else
			one_case(name);
	}
	if (strcmp(name, "no-end"))
		craft(&w, STREAM_C_END, "");
	if (write(STDOUT_FILENO, w.data, w.size) != (ssize_t)w.size)
		err(1, "stdout");
	craft_free(&w);
	return 0;
}
