// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "verify/text.h"

void text_put_digest(FILE *out, XXH128_hash_t h)
{
	fprintf(out, " %016" PRIx64 "%016" PRIx64, (uint64_t)h.high64, (uint64_t)h.low64);
}

bool text_unescape(char *s)
{
	char *out = s;

	while (*s) {
		unsigned int c = 0;

		if (*s != '\\') {
			*out++ = *s++;
			continue;
		}
		for (int i = 1; i < 4; i++) {
			if (s[i] < '0' || s[i] > '7')
				return false;
			c = c * 8 + (unsigned int)(s[i] - '0');
		}
		if (!c || c > 255)
			return false;
		*out++ = (char)c;
		s += 4;
	}
	*out = '\0';
	return true;
}

bool text_number(char **s, uint64_t *out)
{
	char *end;

	if (**s < '0' || **s > '9')
		return false;
	errno = 0;
	*out = strtoull(*s, &end, 10);
	if (errno || (*end && *end != ' '))
		return false;
	*s = *end ? end + 1 : end;
	return true;
}

bool text_digest(char **s, XXH128_hash_t *out)
{
	char half[17] = "";

	if (strspn(*s, "0123456789abcdef") != 32 || ((*s)[32] && (*s)[32] != ' '))
		return false;
	memcpy(half, *s, 16);
	out->high64 = strtoull(half, NULL, 16);
	memcpy(half, *s + 16, 16);
	out->low64 = strtoull(half, NULL, 16);
	*s += (*s)[32] ? 33 : 32;
	return true;
}
