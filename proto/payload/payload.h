/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_PAYLOAD_H
#define EXTENTD_PAYLOAD_H

/*
 * The payload of one encoded extent: is it what btrfs can read back, what does it decode to, and
 * how is one made. The kernel validates nothing when it takes an encoded write; this does.
 *
 * Compression is a BTRFS_ENCODED_IO_COMPRESSION_* number of linux/btrfs.h; all lengths are bytes.
 * No function here keeps a pointer to what it was given. A scratch or compressor belongs to one
 * thread at a time; different ones may be used in parallel.
 */

#include <stddef.h>
#include <stdint.h>
#include "payload/faults.h"

/* BTRFS_MAX_COMPRESSED and BTRFS_MAX_UNCOMPRESSED, fs/btrfs/compression.h. */
#define PAYLOAD_SIZE_MAX      (128U << 10)
#define PAYLOAD_UNENCODED_MAX (128U << 10)

/* The zero padding past a tail goes up to this boundary: the smallest btrfs sector. */
#define PAYLOAD_PADDING_UNIT 4096U

enum payload_level {
	PAYLOAD_NONE,	   /* the sizes only */
	PAYLOAD_STRUCTURE, /* headers and the walk over blocks and segments: for trusted peers */
	PAYLOAD_FULL,	   /* decoded with hard bounds: what passes reads back */
};

/* Positive results. */
enum {
	PAYLOAD_BAD = 1,	    /* the fault says what and where */
	PAYLOAD_INCOMPRESSIBLE = 2, /* write it plainly */
};

#define PAYLOAD_FAULT_ENUM(code, name, text) PAYLOAD_FAULT_##name = code,
enum { PAYLOAD_FAULTS(PAYLOAD_FAULT_ENUM) };

struct payload_fault {
	uint32_t code;	   /* PAYLOAD_FAULT_* */
	uint64_t position; /* byte of the payload where reading stopped to make sense */
};

/* Both return NULL for a number that is not in the table. */
const char *payload_fault_name(uint32_t code);
const char *payload_fault_text(uint32_t code);

/* Decoder contexts and one extent's worth of output: about 300 KiB, nothing more per extent. */
struct payload_scratch;
int payload_scratch_new(struct payload_scratch **out);			       /* 0 or -ENOMEM */
struct payload_scratch *payload_scratch_free(struct payload_scratch *scratch); /* NULL */

/*
 * 0: good at this level. PAYLOAD_BAD: @fault is set. -ENOMEM: nothing is known of the payload.
 * @p must not change during the call. Whether the payload saves space is not looked at. A window
 * smaller than the extent is refused: what then reads back depends on the kernel.
 */
int payload_check(struct payload_scratch *scratch, uint32_t compression, const void *p, size_t len,
		  uint64_t unencoded_len, enum payload_level level, struct payload_fault *fault);

/* As a full check, and writes @unencoded_len bytes to @out: all of them, or none that count. */
int payload_decode(struct payload_scratch *scratch, uint32_t compression, const void *p, size_t len,
		   void *out, uint64_t unencoded_len, struct payload_fault *fault);

/*
 * The same where only the first @needed bytes of what it decodes to will be in the file. A file's
 * end is such a place: the kernel compresses up to the last byte (6.18) or up to the sector's end
 * (before), and says the sector's end for @unencoded_len either way. What is missing after @needed
 * counts as zeros.
 */
int payload_check_part(struct payload_scratch *scratch, uint32_t compression, const void *p,
		       size_t len, uint64_t unencoded_len, uint64_t needed,
		       enum payload_level level, struct payload_fault *fault);
int payload_decode_part(struct payload_scratch *scratch, uint32_t compression, const void *p,
			size_t len, void *out, uint64_t unencoded_len, uint64_t needed,
			struct payload_fault *fault);

/* The sector size that a BTRFS_ENCODED_IO_COMPRESSION_LZO_* number stands for; 0 for others. */
uint32_t payload_lzo_sector(uint32_t compression);

struct payload_compressor;

/* 0, -EINVAL for a compression or level that does not exist, -ENOMEM. Level 0 is the default. */
int payload_compressor_new(uint32_t compression, int level, struct payload_compressor **out);
struct payload_compressor *payload_compressor_free(struct payload_compressor *compressor);

/*
 * Encodes @len bytes (1..PAYLOAD_UNENCODED_MAX) into @out, which has room for @len bytes, and sets
 * @out_len. PAYLOAD_INCOMPRESSIBLE when fewer than one of @sector_size would be saved. Data of at
 * most one sector can save only as an inline extent, so there anything shorter is a success: ask
 * for them only where the extent can be inline.
 */
int payload_compress(struct payload_compressor *compressor, uint32_t sector_size, const void *p,
		     size_t len, void *out, size_t *out_len);

#endif
