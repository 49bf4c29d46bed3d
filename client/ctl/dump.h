/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_CTL_DUMP_H
#define EXTENTD_CTL_DUMP_H

#include <stdbool.h>

/* Prints the commands of the stream at input; an exit code. */
int dump(int input, bool stop_at_end);

#endif
