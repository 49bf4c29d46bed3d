// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs a fuzz target over the files of the folders named on the command line, in order. */
#include <dirent.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0)
		err(1, "%s", path);
	rewind(f);
	/* Exactly its size, so that a sanitizer sees the first byte beyond. */
	data = malloc(size);
	if (size && (!data || fread(data, size, 1, f) != 1))
		err(1, "%s", path);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++) {
		struct dirent **names;
		int n = scandir(argv[i], &names, NULL, alphasort);

		if (n < 0)
			err(1, "%s", argv[i]);
		for (int k = 0; k < n; k++) {
			char path[4096];

			if (names[k]->d_name[0] != '.') {
				snprintf(path, sizeof(path), "%s/%s", argv[i], names[k]->d_name);
				replay_file(path);
				count++;
			}
			free(names[k]);
		}
		free(names);
	}
	printf("%d inputs\n", count);
	return count ? 0 : 1; /* an empty corpus tests nothing */
}
