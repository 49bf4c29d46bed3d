// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ctl/progress.h"

#define DRAW_SECONDS   0.2
#define RATE_SECONDS   3.0 /* the rate shown is about that old */
#define WIDTH_MAX      256
#define BAR_COLUMNS    20
#define BAR_FROM_WIDTH 100 /* narrower terminals have no room for it */

struct progress {
	double start, drawn;
	double rate; /* bytes a second, smoothed */
	uint64_t last_bytes;
	bool color, shown;
	unsigned int width;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct progress *progress_new(bool quiet)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct progress *p;

	if (quiet || !isatty(STDERR_FILENO))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->start = now();
	p->drawn = p->start - DRAW_SECONDS; /* a quick job is shown too */
	p->color = !(no_color && *no_color) && term && strcmp(term, "dumb");
	return p;
}

char *progress_bytes(uint64_t bytes, char *out)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double n = (double)bytes;
	unsigned int unit = 0;

	for (; n >= 1023.5 && unit < 6; unit++)
		n /= 1024;
	snprintf(out, 16, unit && n < 99.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
	return out;
}

static void append(char *out, size_t size, const char *text)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s", text);
}

char *progress_line(const struct progress_view *view, double seconds, double rate,
		    unsigned int width, char *out, size_t size)
{
	char part[96], a[16], b[16], bar[BAR_COLUMNS + 1];
	double share = view->total_bytes ? (double)view->bytes / (double)view->total_bytes : 0;

	if (share > 1)
		share = 1;
	*out = '\0';
	if (view->total_bytes) {
		snprintf(part, sizeof(part), "%3.0f%% ", share * 100);
		append(out, size, part);
		if (width >= BAR_FROM_WIDTH) {
			int full = (int)(share * BAR_COLUMNS);

			memset(bar, '.', BAR_COLUMNS);
			memset(bar, '#', (size_t)full);
			bar[BAR_COLUMNS] = '\0';
			snprintf(part, sizeof(part), "[%s] ", bar);
			append(out, size, part);
		}
		snprintf(part, sizeof(part), "%s of %s", progress_bytes(view->bytes, a),
			 progress_bytes(view->total_bytes, b));
	} else {
		snprintf(part, sizeof(part), "%s", progress_bytes(view->bytes, a));
	}
	append(out, size, part);
	snprintf(part, sizeof(part), "  %s/s", progress_bytes((uint64_t)rate, a));
	append(out, size, part);
	if (view->total_bytes && rate > 0 && share < 1) {
		double left = (double)(view->total_bytes - view->bytes) / rate;

		if (left < 360000)
			snprintf(part, sizeof(part), "  ETA %d:%02d", (int)left / 60,
				 (int)left % 60);
		else
			snprintf(part, sizeof(part), "  ETA long");
	} else {
		snprintf(part, sizeof(part), "  %d:%02d", (int)seconds / 60, (int)seconds % 60);
	}
	append(out, size, part);
	snprintf(part, sizeof(part), "  %llu files  %s on its way", (unsigned long long)view->files,
		 progress_bytes(view->payload_bytes, b));
	append(out, size, part);
	if (strlen(out) > width)
		out[width] = '\0';
	return out;
}

void progress_tick(struct progress *p, const struct progress_view *view)
{
	char line[WIDTH_MAX + 1];
	struct winsize w;
	unsigned int width = 79;
	double t, age;

	if (!p)
		return;
	t = now();
	age = t - p->drawn;
	if (age < DRAW_SECONDS)
		return;
	p->rate += ((double)(view->bytes - p->last_bytes) / age - p->rate) *
		   (age > RATE_SECONDS || !p->last_bytes ? 1 : age / RATE_SECONDS);
	p->last_bytes = view->bytes;
	p->drawn = t;
	if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &w) && w.ws_col > 1)
		width = w.ws_col - 1U;
	if (width > WIDTH_MAX)
		width = WIDTH_MAX;
	progress_line(view, t - p->start, p->rate, width, line, sizeof(line));
	if (p->color)
		fprintf(stderr, "\r\033[36m%s\033[0m\033[K", line);
	else
		fprintf(stderr, "\r%-*s", (int)width, line);
	p->width = width;
	p->shown = true;
}

void progress_clear(struct progress *p)
{
	if (!p || !p->shown)
		return;
	if (p->color)
		fputs("\r\033[K", stderr);
	else
		fprintf(stderr, "\r%*s\r", (int)p->width, "");
	p->shown = false;
}

struct progress *progress_free(struct progress *p)
{
	progress_clear(p);
	free(p);
	return NULL;
}
