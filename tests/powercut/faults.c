// SPDX-License-Identifier: GPL-2.0-or-later
#include "faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"

#define SLOW_MIN_MS 60
#define SLOW_MAX_MS 80

void faults_init(struct faults *faults, uint64_t seed)
{
	*faults = (struct faults){ .lock = PTHREAD_MUTEX_INITIALIZER, .seed = seed };
}

static int rule_action(const char *word, struct fault_rule *rule)
{
	*rule = (struct fault_rule){
		.kind = KIND_DATA,
		.percent = 100,
		.count = UINT64_MAX,
		.to = UINT64_MAX,
		.min_ms = SLOW_MIN_MS,
		.max_ms = SLOW_MAX_MS,
		.error = -EIO,
	};
	if (!strcmp(word, "slow")) {
		rule->action = FAULT_SLOW;
	} else if (!strcmp(word, "fail")) {
		rule->action = FAULT_FAIL;
	} else if (!strcmp(word, "lie")) {
		rule->action = FAULT_LIE;
		rule->kind = KIND_FLUSH;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int rule_option(char *word, struct fault_rule *rule)
{
	char *value = strchr(word, '=');
	int kind;

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (!strcmp(word, "kind")) {
		kind = history_kind_parse(value);
		if (kind < 0)
			return -EINVAL;
		rule->kind = kind;
	} else if (!strcmp(word, "errno")) {
		if (strcmp(value, "EIO") && strcmp(value, "ENOSPC"))
			return -EINVAL;
		rule->error = strcmp(value, "EIO") ? -ENOSPC : -EIO;
	} else if (!strcmp(word, "percent")) {
		rule->percent = strtod(value, NULL);
	} else if (!strcmp(word, "count")) {
		rule->count = strtoull(value, NULL, 0);
	} else if (!strcmp(word, "skip")) {
		rule->skip = strtoull(value, NULL, 0);
	} else if (!strcmp(word, "from")) {
		rule->from = strtoull(value, NULL, 0);
	} else if (!strcmp(word, "to")) {
		rule->to = strtoull(value, NULL, 0);
	} else if (!strcmp(word, "min")) {
		rule->min_ms = strtoul(value, NULL, 0);
	} else if (!strcmp(word, "max")) {
		rule->max_ms = strtoul(value, NULL, 0);
	} else {
		return -EINVAL;
	}
	return 0;
}

int faults_rule(struct faults *faults, const char *line)
{
	char text[256], *rest, *word;
	struct fault_rule rule;
	int r;

	if (strlen(line) >= sizeof(text))
		return -EINVAL;
	strcpy(text, line);
	word = strtok_r(text, " \n", &rest);
	if (!word)
		return 0;
	if (!strcmp(word, "clear")) {
		pthread_mutex_lock(&faults->lock);
		faults->n = 0;
		pthread_mutex_unlock(&faults->lock);
		return 0;
	}
	r = rule_action(word, &rule);
	while (!r && (word = strtok_r(NULL, " \n", &rest)))
		r = rule_option(word, &rule);
	if (r || rule.min_ms > rule.max_ms)
		return -EINVAL;
	pthread_mutex_lock(&faults->lock);
	if (faults->n < FAULTS_MAX_RULES)
		faults->rules[faults->n++] = rule;
	else
		r = -E2BIG;
	pthread_mutex_unlock(&faults->lock);
	return r;
}

static bool rule_hits(struct faults *faults, struct fault_rule *rule, enum history_kind kind,
		      uint64_t offset, uint64_t length)
{
	if (rule->kind != kind || !rule->count)
		return false;
	if (kind != KIND_FLUSH && (offset >= rule->to || offset + length <= rule->from))
		return false;
	if (rule->skip) {
		rule->skip--;
		return false;
	}
	if (dice_unit(&faults->seed) * 100 >= rule->percent)
		return false;
	if (rule->count != UINT64_MAX)
		rule->count--;
	return true;
}

struct fault_verdict faults_judge(struct faults *faults, enum history_kind kind, uint64_t offset,
				  uint64_t length)
{
	struct fault_verdict verdict = { 0 };

	pthread_mutex_lock(&faults->lock);
	for (unsigned int i = 0; i < faults->n; i++) {
		struct fault_rule *rule = &faults->rules[i];

		if (!rule_hits(faults, rule, kind, offset, length))
			continue;
		if (rule->action == FAULT_SLOW)
			verdict.delay_ns = 1000000ULL * dice_range(&faults->seed, rule->min_ms,
								   rule->max_ms + 1);
		else if (rule->action == FAULT_FAIL)
			verdict.error = rule->error;
		else
			verdict.lie = true;
		faults->hits += rule->action != FAULT_SLOW;
	}
	pthread_mutex_unlock(&faults->lock);
	return verdict;
}
