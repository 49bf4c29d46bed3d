// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ctl/interrupt.h"

static int event = -1;

static void interrupted(int number)
{
	uint64_t one = 1;
	int saved = errno;

	(void)!write(event, &one, sizeof(one));
	errno = saved;
}

int interrupt_fd(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = interrupted, .sa_flags = SA_RESTART | SA_RESETHAND },
			 was;

	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event < 0)
		return -1;
	for (unsigned int i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (!sigaction(signals[i], NULL, &was) && was.sa_handler != SIG_IGN) /* nohup */
			sigaction(signals[i], &act, NULL);
	return event;
}
