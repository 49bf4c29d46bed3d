// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `cuts IMAGE HISTORY MOUNTPOINT`: cuts the power at many moments of a recorded run and puts
 * each outcome on trial. IMAGE is the disk as it was when the history began; it is used up.
 *
 * Where to cut: half of the moments right after a mark, since that is when a promise is
 * youngest; half anywhere after the first mark. --end adds the very end, everything answered
 * kept: what was lost there was lost without any power cut. --inspect: see trial.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cutimage.h"
#include "dice.h"
#include "trial.h"

struct moment {
	uint64_t position; /* the cut comes when the history has been taken in up to here */
	enum cut_mode mode;
};

struct options {
	unsigned int cuts;
	uint64_t seed;
	int mode; /* -1: all in turn */
	bool end, verbose;
	const char *image, *history, *mountpoint, *inspector;
};

struct totals {
	unsigned int cuts, losing, unclean, unmountable;
	unsigned long lost, stale, damaged, shortened, nameless, foreign, broken, refused_intact;
};

static int by_position(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	return x->position < y->position ? -1 : x->position > y->position;
}

/* Fills @moments; returns how many. */
static unsigned int choose(const struct history *history, const struct options *options,
			   struct moment *moments)
{
	uint64_t *marks, *others, position = 0, dice = options->seed;
	unsigned int n_marks = 0, n_others = 0, n = 0;
	const struct history_record *record;
	unsigned int room = history->used / sizeof(*record) + 1;

	marks = calloc(room, sizeof(*marks));
	others = calloc(room, sizeof(*others));
	while (marks && others && (record = history_next(history, &position))) {
		if (record->type == HISTORY_MARK)
			marks[n_marks++] = position;
		else if (n_marks)
			others[n_others++] = position;
	}
	for (; n < options->cuts && n_marks && n_others; n++) {
		moments[n].position = n % 2 ? others[dice_range(&dice, 0, n_others)]
					    : marks[dice_range(&dice, 0, n_marks)];
		/* Dropping everything is the most telling cut: every other one. */
		moments[n].mode = (n / 2) % 2 ? (enum cut_mode)((n / 4) % _CUT_N) : CUT_drop;
		if (options->mode >= 0)
			moments[n].mode = options->mode;
	}
	free(marks);
	free(others);
	if (options->end)
		moments[n++] = (struct moment){ position, CUT_keep };
	qsort(moments, n, sizeof(*moments), by_position);
	return n;
}

static void account(struct totals *totals, const struct trial *trial)
{
	totals->cuts++;
	totals->losing += trial_lost_data(trial);
	totals->unmountable += !trial->mounted;
	totals->unclean += !trial->clean;
	totals->lost += trial->lost;
	totals->stale += trial->stale;
	totals->damaged += trial->damaged;
	totals->shortened += trial->shortened;
	totals->nameless += trial->nameless;
	totals->foreign += trial->foreign;
	totals->broken += trial->broken;
}

static int cut_here(const struct options *options, const struct cutter *cutter,
		    const struct ledger *ledger, const struct moment *moment, unsigned int number,
		    struct totals *totals)
{
	char path[4096];
	struct trial trial;
	int r;

	snprintf(path, sizeof(path), "%s.cut", options->image);
	r = cutter_cut(cutter, moment->mode, options->seed + number, path);
	if (r < 0)
		return r;
	r = trial_hold(ledger, options->inspector, path, options->mountpoint, &trial);
	unlink(path);
	if (r < 0)
		return r;
	account(totals, &trial);
	totals->refused_intact = trial.refused_intact;
	if (trial_failed(&trial) || options->verbose)
		printf("cut=%u position=%llu mode=%s acknowledged=%llu lost=%u stale=%u damaged=%u "
		       "short=%u nameless=%u foreign=%u broken=%u mounted=%d clean=%d %s\n",
		       number, (unsigned long long)moment->position, cut_mode_name(moment->mode),
		       (unsigned long long)ledger->acknowledged, trial.lost, trial.stale,
		       trial.damaged, trial.shortened, trial.nameless, trial.foreign, trial.broken,
		       trial.mounted, trial.clean, trial.first);
	return 0;
}

static int run(const struct options *options, const struct history *history, int image)
{
	struct moment *moments = calloc(options->cuts + 1, sizeof(*moments));
	unsigned int n = moments ? choose(history, options, moments) : 0, next = 0;
	const struct history_record *record;
	struct totals totals = { 0 };
	struct cutter cutter;
	struct ledger ledger;
	int r, error = 0;

	r = moments ? ledger_init(&ledger) : -ENOMEM;
	if (r < 0)
		return r;
	cutter_init(history, image, &cutter);
	while (!r && next < n && (record = cutter_step(&cutter, &error)) && !error) {
		if (record->type == HISTORY_MARK)
			r = ledger_take(&ledger, history_payload(record), record->length);
		for (; !r && next < n && moments[next].position == cutter.position; next++)
			r = cut_here(options, &cutter, &ledger, &moments[next], next, &totals);
	}
	printf("cuts=%u losing=%u unclean=%u unmountable=%u lost=%lu stale=%lu damaged=%lu "
	       "short=%lu nameless=%lu foreign=%lu broken=%lu asked=%llu acknowledged=%llu "
	       "refused=%llu "
	       "refused_intact=%lu seed=%llu\n",
	       totals.cuts, totals.losing, totals.unclean, totals.unmountable, totals.lost,
	       totals.stale, totals.damaged, totals.shortened, totals.nameless, totals.foreign,
	       totals.broken, (unsigned long long)ledger.asked,
	       (unsigned long long)ledger.acknowledged, (unsigned long long)ledger.refused,
	       totals.refused_intact, (unsigned long long)options->seed);
	cutter_deinit(&cutter);
	ledger_deinit(&ledger);
	free(moments);
	return r ? r : error;
}

static int parse(int argc, char **argv, struct options *out)
{
	static const struct option options[] = { { "cuts", 1, NULL, 'c' },
						 { "seed", 1, NULL, 's' },
						 { "mode", 1, NULL, 'm' },
						 { "end", 0, NULL, 'e' },
						 { "verbose", 0, NULL, 'v' },
						 { "inspect", 1, NULL, 'i' },
						 { 0 } };
	int c;

	*out = (struct options){ .cuts = 50, .seed = 1, .mode = -1 };
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			out->cuts = strtoul(optarg, NULL, 0);
		else if (c == 's')
			out->seed = strtoull(optarg, NULL, 0);
		else if (c == 'm')
			out->mode = cut_mode_parse(optarg);
		else if (c == 'i')
			out->inspector = optarg;
		else if (c == 'e')
			out->end = true;
		else if (c == 'v')
			out->verbose = true;
		else
			return -EINVAL;
	}
	if (argc - optind != 3)
		return -EINVAL;
	out->image = argv[optind];
	out->history = argv[optind + 1];
	out->mountpoint = argv[optind + 2];
	return 0;
}

int main(int argc, char **argv)
{
	struct options options;
	struct history history;
	int image, r;

	if (parse(argc, argv, &options) < 0) {
		fprintf(stderr,
			"usage: %s [--cuts=N] [--seed=N] [--mode=NAME] [--end] [--inspect=COMMAND] "
			"[--verbose] "
			"IMAGE HISTORY MOUNTPOINT\n",
			argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	image = open(options.image, O_RDWR | O_CLOEXEC);
	if (image < 0) {
		fprintf(stderr, "cuts: cannot open image %s: %s\n", options.image, strerror(errno));
		return 1;
	}
	r = history_open(options.history, &history);
	if (!r)
		r = run(&options, &history, image);
	if (r < 0)
		fprintf(stderr, "cuts: %s: %s\n", options.history, strerror(-r));
	history_close(&history);
	close(image);
	return r ? 1 : 0;
}
