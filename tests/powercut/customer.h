/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef POWERCUT_CUSTOMER_H
#define POWERCUT_CUSTOMER_H

/*
 * A client of extentd that writes down each promise it was given. It says I before it asks, A
 * when the daemon has said durable (at once, or by a SYNC that covers the write), E when it was
 * told of a failure, be it in the answer or in a LOST later. A session that breaks leaves what
 * was under way without a verdict, and is opened anew.
 *
 * One thread; any error of the test itself ends the program with a message.
 */

#include <stdbool.h>
#include <stdint.h>

#include "encoded.h"
#include "extent.h"
#include "marks.h"

#define CUSTOMER_SLOTS 64 /* writes under way */

struct customer;

/* A write under way, or acknowledged below durable and not synced yet. */
struct purchase {
	struct customer *customer;
	struct encoded encoded;
	int64_t id;	 /* of the request; 0: free */
	bool answered;	 /* reached the level asked for, which is below durable */
	uint64_t synced; /* asked for before the SYNC of this number was; 0: none yet */
	enum extent_ack ack;
};

struct customer_file {
	uint32_t number; /* in the marks; unique in the run */
	char name[128];	 /* beneath the customer's directory */
	int fd;
	int handle; /* in the session of this number; -1: none */
	unsigned long session;
};

struct customer {
	struct extent_session *session;
	const char *socket, *dir;
	struct marks marks;
	uint64_t dice;
	uint32_t next_version, next_file;
	struct purchase slots[CUSTOMER_SLOTS];
	uint64_t syncs;
	int sync_result;
	bool sync_done, broken;
	unsigned long session_number; /* sessions that broke */
	unsigned long acknowledged, failed, lost;
	bool aborts; /* the filesystem may: writes are made to fail */
};

void customer_open(struct customer *customer, const char *socket, const char *dir,
		   const char *marks, uint64_t seed, uint32_t first_version, uint32_t first_file);
/* A call of the customer's own has failed. Where the filesystem has aborted as it may, the errand
 * ends here: what was promised until then is looked at as ever. */
void customer_stop(struct customer *customer, const char *path) __attribute__((noreturn));

/* Waits for what is under way, then ends the session. */
void customer_close(struct customer *customer);

/* Creates the file (new directories on its way included) and gives it to the daemon. */
void customer_create(struct customer *customer, const char *name, struct customer_file *out);
void customer_finish(struct customer *customer, struct customer_file *file);

/* @plain: uncompressed. Waits for a free slot only. */
void customer_write(struct customer *customer, struct customer_file *file, uint64_t offset,
		    uint32_t length, bool plain, enum extent_ack ack);
/* @file NULL: all of the session. Returns 0, or the negative errno the SYNC ended with. */
int customer_sync(struct customer *customer, struct customer_file *file);
/* Waits until every write has its answer. */
void customer_drain(struct customer *customer);

#endif
