// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "ctl/exit.h"
#include "ctl/progress.h"

#define DRAW_SECONDS   0.2
#define LINE_SECONDS   1.0 /* between lines for programs */
#define RATE_SECONDS   3.0 /* the rate shown is about that old */
#define WIDTH_MAX      256
#define BAR_COLUMNS    20
#define BAR_FROM_WIDTH 120 /* narrower terminals have no room for it */

struct progress {
	double start, drawn, told;
	double rate; /* bytes a second, smoothed */
	uint64_t last_done;
	int fd; /* for programs, or -1 */
	bool terminal, notify, color, shown;
	unsigned int width;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct progress *progress_new(bool quiet, int fd, bool notify)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool terminal = !quiet && isatty(STDERR_FILENO);
	struct progress *p;

	notify &= getenv("NOTIFY_SOCKET") != NULL;
	if (!terminal && fd < 0 && !notify)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->start = now();
	p->drawn = p->start - DRAW_SECONDS; /* a quick job is shown too */
	p->told = p->start - LINE_SECONDS;
	p->fd = fd;
	p->terminal = terminal;
	p->notify = notify;
	p->color = !(no_color && *no_color) && term && strcmp(term, "dumb");
	if (notify)
		sd_notify(0, "READY=1");
	return p;
}

bool progress_on_terminal(const struct progress *p)
{
	return p && p->terminal;
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

/* Seconds, or -1 if nobody knows. */
static double time_left(const struct progress_view *view, double rate)
{
	if (!view->total || rate <= 0)
		return -1;
	return view->done >= view->total ? 0 : (double)(view->total - view->done) / rate;
}

char *progress_line(const struct progress_view *view, double seconds, double rate,
		    unsigned int width, char *out, size_t size)
{
	char part[96], a[16], b[16], bar[BAR_COLUMNS + 1];
	double share = view->total ? (double)view->done / (double)view->total : 0;
	double left = time_left(view, rate);

	if (share > 1)
		share = 1;
	*out = '\0';
	if (view->total) {
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
		snprintf(part, sizeof(part), "%s of %s", progress_bytes(view->done, a),
			 progress_bytes(view->total, b));
	} else {
		snprintf(part, sizeof(part), "%s", progress_bytes(view->done, a));
	}
	append(out, size, part);
	snprintf(part, sizeof(part), "  %s/s", progress_bytes((uint64_t)rate, a));
	append(out, size, part);
	if (left > 0 && left < 360000)
		snprintf(part, sizeof(part), "  ETA %d:%02d", (int)left / 60, (int)left % 60);
	else if (left > 0)
		snprintf(part, sizeof(part), "  ETA long");
	else
		snprintf(part, sizeof(part), "  %d:%02d", (int)seconds / 60, (int)seconds % 60);
	append(out, size, part);
	snprintf(part, sizeof(part), "  %llu files  %llu extents  %s as %s",
		 (unsigned long long)view->files, (unsigned long long)view->extents,
		 progress_bytes(view->bytes, a), progress_bytes(view->payload_bytes, b));
	append(out, size, part);
	if (view->decompressed) {
		snprintf(part, sizeof(part), "  %llu decompressed",
			 (unsigned long long)view->decompressed);
		append(out, size, part);
	}
	if (strlen(out) > width)
		out[width] = '\0';
	return out;
}

/* One write(2) a line, so that a reader sees whole ones; who does not read gets none. */
static void line_tell(struct progress *p, const char *event, const struct progress_view *view,
		      double seconds, int exit_code)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%s seconds=%.3f", event, seconds);

#define X(key)                                                                                     \
	n += snprintf(line + n, sizeof(line) - (size_t)n, " " #key "=%llu",                        \
		      (unsigned long long)view->key);
	PROGRESS_KEYS(X)
#undef X
	n += snprintf(line + n, sizeof(line) - (size_t)n, " rate=%.0f", p->rate);
	if (time_left(view, p->rate) >= 0)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " eta=%.0f",
			      time_left(view, p->rate));
	if (exit_code >= 0)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " exit_code=%d", exit_code);
	line[n++] = '\n';
	if (p->fd >= 0 && write(p->fd, line, (size_t)n) < 0)
		p->fd = -1; /* whoever wanted it is gone; the job goes on */
}

static void terminal_draw(struct progress *p, const struct progress_view *view, double seconds)
{
	char line[WIDTH_MAX + 1];
	struct winsize w;
	unsigned int width = 79;

	if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &w) && w.ws_col > 1)
		width = w.ws_col - 1U;
	if (width > WIDTH_MAX)
		width = WIDTH_MAX;
	progress_line(view, seconds, p->rate, width, line, sizeof(line));
	if (p->color)
		fprintf(stderr, "\r\033[36m%s\033[0m\033[K", line);
	else
		fprintf(stderr, "\r%-*s", (int)width, line);
	p->width = width;
	p->shown = true;
}

static void status_tell(struct progress *p, const struct progress_view *view, double seconds)
{
	char line[WIDTH_MAX + 1];

	if (p->notify)
		sd_notifyf(0, "STATUS=%s",
			   progress_line(view, seconds, p->rate, BAR_FROM_WIDTH - 1, line,
					 sizeof(line)));
}

void progress_tick(struct progress *p, const struct progress_view *view)
{
	double t, age;

	if (!p)
		return;
	t = now();
	age = t - p->drawn;
	if (age < DRAW_SECONDS)
		return;
	p->rate += ((double)(view->done - p->last_done) / age - p->rate) *
		   (age > RATE_SECONDS || !p->last_done ? 1 : age / RATE_SECONDS);
	p->last_done = view->done;
	p->drawn = t;
	if (p->terminal)
		terminal_draw(p, view, t - p->start);
	if (t - p->told < LINE_SECONDS)
		return;
	p->told = t;
	line_tell(p, "progress", view, t - p->start, -1);
	status_tell(p, view, t - p->start);
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

struct progress *progress_free(struct progress *p, const struct progress_view *view, int exit_code)
{
	double seconds;

	if (!p)
		return NULL;
	seconds = now() - p->start;
	progress_clear(p);
	if (view)
		line_tell(p, "end", view, seconds, exit_code);
	if (p->notify)
		sd_notifyf(0, "STATUS=%s",
			   !exit_code		      ? "complete, safe on disk"
			   : exit_code == CTL_STOPPED ? "stopped; --resume goes on"
						      : "failed");
	free(p);
	return NULL;
}
