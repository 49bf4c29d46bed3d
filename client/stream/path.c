// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "base/cleanup.h"
#include "stream/path.h"

static enum path_verdict component_check(const char *name, size_t size)
{
	if (!size)
		return PATH_COMPONENT;
	if (size > STREAM_NAME_MAX)
		return PATH_NAME;
	if (size == 1 && name[0] == '.')
		return PATH_DOT;
	if (size == 2 && name[0] == '.' && name[1] == '.')
		return PATH_DOTDOT;
	return PATH_OK;
}

enum path_verdict path_check(const char *path, size_t size)
{
	if (!size)
		return PATH_OK;
	if (size > STREAM_PATH_MAX)
		return PATH_LENGTH;
	if (memchr(path, 0, size))
		return PATH_NUL;
	if (path[0] == '/')
		return PATH_ABSOLUTE;
	for (const char *end = path + size;;) {
		const char *slash = memchr(path, '/', end - path);
		enum path_verdict v = component_check(path, (slash ?: end) - path);

		if (v != PATH_OK || !slash)
			return v;
		path = slash + 1;
	}
}

enum path_verdict path_check_entry(const char *path, size_t size)
{
	return size ? path_check(path, size) : PATH_EMPTY;
}

enum path_verdict path_check_name(const char *name, size_t size)
{
	enum path_verdict v = path_check_entry(name, size);

	if (v == PATH_OK && memchr(name, '/', size))
		return PATH_SLASH;
	return v;
}

enum path_verdict path_check_target(const char *target, size_t size)
{
	if (!size)
		return PATH_EMPTY;
	if (size > STREAM_PATH_MAX)
		return PATH_LENGTH;
	return memchr(target, 0, size) ? PATH_NUL : PATH_OK;
}

const char *path_verdict_text(enum path_verdict v)
{
	static const char *const texts[] = {
#define X(name, text) [PATH_##name] = text,
		PATH_VERDICTS(X)
#undef X
	};

	return v < ARRAY_SIZE(texts) ? texts[v] : "unknown";
}
