/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_TESTS_ATTACK_H
#define EXTENTD_TESTS_ATTACK_H

/* What the attacks of attack.c share. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

extern int attack_failures;

/* code is the answer: anything but wanted is a failure. UINT32_MAX: the session's end. */
void expect(const char *what, uint32_t code, uint32_t wanted);

int make(const char *name, int flags); /* a file in the directory of the attack */
const char *in_dir(const char *name);  /* its path, until the next call */
int memory(unsigned int flags, off_t size, int seals);
bool over(void); /* is the time of the attack */

/* attack-files.c: descriptors and memory that are not what they should be. */
void attack_descriptors(void);
void attack_arenas(void);
void attack_lingering(void);

#endif
