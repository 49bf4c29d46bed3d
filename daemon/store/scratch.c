// SPDX-License-Identifier: GPL-2.0-or-later
#include <pthread.h>
#include <stdlib.h>

#include "payload/payload.h"
#include "scratch.h"

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void scratch_free(void *scratch)
{
	payload_scratch_free(scratch);
}

static void scratch_init(void)
{
	if (pthread_key_create(&scratch_key, scratch_free))
		abort();
}

struct payload_scratch *scratch_get(void)
{
	struct payload_scratch *scratch;

	pthread_once(&scratch_once, scratch_init);
	scratch = pthread_getspecific(scratch_key);
	if (scratch)
		return scratch;
	if (payload_scratch_new(&scratch) < 0)
		return NULL;
	if (pthread_setspecific(scratch_key, scratch)) {
		payload_scratch_free(scratch);
		return NULL;
	}
	return scratch;
}
