/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_RECEIVE_INPUT_H
#define EXTENTD_RECEIVE_INPUT_H

/* Reading the stream: no faster than is wanted, and not after the user said stop. */

#include <stdint.h>
#include <sys/types.h>

struct throttle;

struct input {
	int fd;
	int stop;		   /* readable when reading shall end with ECANCELED; or -1 */
	struct throttle *throttle; /* or NULL */
};

/* A stream_read_fn; userdata is the input. */
ssize_t input_read(void *userdata, void *buffer, size_t size);

#endif
