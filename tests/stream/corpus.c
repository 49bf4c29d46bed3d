// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes the seeds of the fuzz corpus into the folder given: one stream per thing worth mutating.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "craft.h"

static const char *folder;

static void save(struct craft *w, const char *name, uint8_t how)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	if (!f || fputc(how, f) == EOF || fwrite(w->data, w->size, 1, f) != 1 || fclose(f))
		err(1, "%s", path);
	w->size = 0;
}

static void all_commands(struct craft *w, uint32_t version)
{
	craft_header(w, version);
	craft(w, STREAM_C_SNAPSHOT, "pUC", "snap", craft_uuid, 9ull, craft_parent_uuid, 8ull);
	craft(w, STREAM_C_SUBVOL, "pU", "vol", craft_uuid, 9ull);
	craft(w, STREAM_C_MKDIR, "pi", "o258-7-0", 258ull);
	craft(w, STREAM_C_RENAME, "pt", "o258-7-0", "dir");
	craft(w, STREAM_C_MKFILE, "pi", "dir/f", 259ull);
	craft(w, STREAM_C_MKNOD, "pimr", "n", 260ull, 020600ull, 5ull);
	craft(w, STREAM_C_MKFIFO, "pimr", "p", 261ull, 010600ull, 0ull);
	craft(w, STREAM_C_MKSOCK, "pimr", "s", 262ull, 0140600ull, 0ull);
	craft(w, STREAM_C_SYMLINK, "pil", "l", 263ull, "/etc/../x");
	craft(w, STREAM_C_LINK, "pl", "hard", "dir/f");
	craft(w, STREAM_C_WRITE, "pod", "dir/f", 0ull, "some data", (size_t)9);
	craft_begin(w, STREAM_C_CLONE);
	craft_string(w, STREAM_A_PATH, "hard");
	craft_u64(w, STREAM_A_FILE_OFFSET, 0);
	craft_u64(w, STREAM_A_CLONE_LEN, 4096);
	craft_attribute(w, STREAM_A_CLONE_UUID, craft_uuid, 16);
	craft_u64(w, STREAM_A_CLONE_CTRANSID, 9);
	craft_string(w, STREAM_A_CLONE_PATH, "dir/f");
	craft_u64(w, STREAM_A_CLONE_OFFSET, 0);
	craft_end(w);
	craft(w, STREAM_C_SET_XATTR, "px", "dir/f", "security.capability", "\1\0\0\2", (size_t)4);
	craft_begin(w, STREAM_C_REMOVE_XATTR);
	craft_string(w, STREAM_A_PATH, "dir");
	craft_string(w, STREAM_A_XATTR_NAME, "user.x");
	craft_end(w);
	craft(w, STREAM_C_TRUNCATE, "ps", "dir/f", 9ull);
	craft(w, STREAM_C_CHMOD, "pm", "dir/f", 04755ull);
	craft(w, STREAM_C_CHOWN, "pug", "dir/f", 1ull, 2ull);
	craft(w, STREAM_C_UTIMES, "pT", "", (int64_t)1700000000);
	craft(w, STREAM_C_UNLINK, "p", "hard");
	craft(w, STREAM_C_RMDIR, "p", "empty");
	craft(w, STREAM_C_UPDATE_EXTENT, "pos", "dir/f", 0ull, 4096ull);
	if (version >= 2) {
		craft_begin(w, STREAM_C_FALLOCATE);
		craft_string(w, STREAM_A_PATH, "dir/f");
		craft_u32(w, STREAM_A_FALLOCATE_MODE, 3);
		craft_u64(w, STREAM_A_FILE_OFFSET, 0);
		craft_u64(w, STREAM_A_SIZE, 4096);
		craft_end(w);
		craft_begin(w, STREAM_C_FILEATTR);
		craft_string(w, STREAM_A_PATH, "dir/f");
		craft_u64(w, STREAM_A_FILEATTR, 1);
		craft_end(w);
		craft_begin(w, STREAM_C_ENCODED_WRITE);
		craft_string(w, STREAM_A_PATH, "dir/f");
		craft_u64(w, STREAM_A_FILE_OFFSET, 4096);
		craft_u64(w, STREAM_A_UNENCODED_FILE_LEN, 4096);
		craft_u64(w, STREAM_A_UNENCODED_LEN, 8192);
		craft_u64(w, STREAM_A_UNENCODED_OFFSET, 4096);
		craft_u32(w, STREAM_A_COMPRESSION, 2);
		craft_u32(w, STREAM_A_ENCRYPTION, 0);
		craft_attribute(w, STREAM_A_DATA, "\x28\xb5\x2f\xfd", 4);
		craft_end(w);
	}
	if (version >= 3) {
		craft_begin(w, STREAM_C_ENABLE_VERITY);
		craft_string(w, STREAM_A_PATH, "dir/f");
		craft_attribute(w, STREAM_A_VERITY_ALGORITHM, "\1", 1);
		craft_u32(w, STREAM_A_VERITY_BLOCK_SIZE, 4096);
		craft_attribute(w, STREAM_A_VERITY_SALT, "salt", 4);
		craft_attribute(w, STREAM_A_VERITY_SIG, "", 0);
		craft_end(w);
	}
	craft(w, STREAM_C_END, "");
}

int main(int argc, char **argv)
{
	struct craft w;
	char *name;

	if (argc != 2)
		errx(2, "usage: stream-corpus FOLDER");
	folder = argv[1];
	craft_new(&w);
	for (uint32_t v = 1; v <= STREAM_VERSION_MAX; v++) {
		if (asprintf(&name, "full-v%u", v) < 0)
			abort();
		all_commands(&w, v);
		save(&w, name, 1 | 2 | 20);
		free(name);
	}
	all_commands(&w, 1);
	all_commands(&w, 2);
	save(&w, "concatenated", 1);
	craft_header(&w, 1);
	craft_begin(&w, STREAM_C_RENAME);
	craft_string(&w, STREAM_A_PATH_TO, "../x");
	craft_attribute(&w, 36, "new", 3);
	craft_string(&w, STREAM_A_PATH_TO, "a//b");
	craft_string(&w, STREAM_A_PATH, "/etc/passwd");
	craft_end(&w);
	craft(&w, 0x8001, "p", "annotation");
	craft(&w, 27, "p", "unknown");
	craft(&w, STREAM_C_END, "");
	save(&w, "hostile-paths", 1);
	craft_header(&w, 2);
	craft(&w, STREAM_C_WRITE, "pod", "f", 0ull, "wrong sum", (size_t)9);
	w.data[w.size - 1] ^= 1;
	save(&w, "wrong-sum", 0);
	craft_header(&w, 2);
	craft_raw(&w, "\xff\xff\xff\xff\x0f\0\0\0\0\0", 10);
	save(&w, "length-4g", 0);
	craft_header(&w, 2);
	craft_begin(&w, STREAM_C_UNLINK);
	craft_raw(&w, "\x0f\0\xff\xff", 4);
	craft_end(&w);
	craft(&w, STREAM_C_TRUNCATE, "pi", "f", 3ull);
	save(&w, "attribute-overrun", 1);
	craft_free(&w);
	return 0;
}
