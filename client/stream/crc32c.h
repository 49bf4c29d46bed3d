/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STREAM_CRC32C_H
#define EXTENTD_STREAM_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (Castagnoli) over size bytes, continuing from seed, with no inversion at either end: what
 * the send stream uses. The checksum of RFC 3720 is ~crc32c(~0u, ...). Safe in any thread.
 */
uint32_t crc32c(uint32_t seed, const void *data, size_t size);

/* The same without the CPU's instruction; for the test that compares them. */
uint32_t crc32c_portable(uint32_t seed, const void *data, size_t size);

#endif
