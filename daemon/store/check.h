/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_STORE_CHECK_H
#define EXTENTD_STORE_CHECK_H

struct extent;
struct store;

/*
 * Validates the payload at the extent's level, on a worker unless it is quick. What a peer could
 * still change is copied first, and the copy is what is checked and written. Ends in
 * writer_checked() or extent_fail().
 */
void check_start(struct extent *extent);

/* Memory became free: lets those go on that waited for some to be copied into. */
void check_resume(struct store *store);

/* Decompresses in a worker, for files and extents that the kernel does not take encoded. The
 * extent's range must be reserved. */
void check_decode(struct extent *extent);
void check_forget_decoded(struct extent *extent);

#endif
