// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes small inputs for fuzz-payload to start from: good payloads and every forged one that can
 * be made small. usage: payload-seeds COMPRESSION DIRECTORY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/btrfs.h>
#include "base/cleanup.h"
#include "common/forge.h"

#define SMALL 12288U

static void seed_write(const char *directory, const char *name, const struct forged *f)
{
	uint32_t n = f->unencoded_len - 1;
	uint8_t head[] = { n, n >> 8, n >> 16, 0 };
	_cleanup_(fclosep) FILE *file = NULL;
	char path[4096], *c;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	for (c = path + strlen(directory) + 1; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789", *c))
			*c = '-';
	file = fopen(path, "w");
	if (!file || fwrite(head, sizeof(head), 1, file) != 1 ||
	    fwrite(f->p, 1, f->len, file) != f->len) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const uint32_t lengths[] = { 100, 4096, 5000, SMALL };
	struct forged *f = calloc(1, sizeof(*f));
	uint32_t compression;
	char name[64];

	if (argc != 3 || !f) {
		fprintf(stderr, "usage: %s COMPRESSION DIRECTORY\n", argv[0]);
		return 2;
	}
	compression = strtoul(argv[1], NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		forge_good(f, compression, lengths[i], i);
		snprintf(name, sizeof(name), "good %u", lengths[i]);
		seed_write(argv[2], name, f);
	}
	for (size_t i = 0; forge_row(i); i++) {
		struct forge_row row = *forge_row(i);

		if (row.compression != compression)
			continue;
		if (row.unencoded_len > 16384 && !strstr(row.name, "cut at"))
			row.unencoded_len = SMALL;
		forge_row_make(&row, f);
		seed_write(argv[2], row.name, f);
	}
	free(f);
	return 0;
}
