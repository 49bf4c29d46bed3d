/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_DICE_H
#define POWERCUT_DICE_H

/* Seeded random numbers (splitmix64): a run prints its seed and can be repeated. */

#include <stdint.h>

static inline uint64_t dice_roll(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* [0, 1) */
static inline double dice_unit(uint64_t *state)
{
	return (dice_roll(state) >> 11) * 0x1.0p-53;
}

/* [from, to); @to > @from */
static inline uint64_t dice_range(uint64_t *state, uint64_t from, uint64_t to)
{
	return from + dice_roll(state) % (to - from);
}

#endif
