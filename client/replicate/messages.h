/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXTENTD_REPLICATE_MESSAGES_H
#define EXTENTD_REPLICATE_MESSAGES_H

/* Journal entries of extentctl replicate, as daemon/journal/messages.h has the daemon's:
 * X(NAME, id, syslog priority, fields besides MESSAGE and EXTENTD_TARGET, subject). */
#define REPLICATE_MESSAGES(X)                                                                      \
	X(REPLICATED, "5adea5fce6264157bd807373d52c943e", LOG_INFO,                                \
	  "EXTENTD_TARGET EXTENTD_SNAPSHOT EXTENTD_BYTES", "A snapshot was replicated")            \
	X(NOT_REPLICATED, "6ce769fa13fd45ae9005f4caa8cd5cd4", LOG_ERR,                             \
	  "EXTENTD_TARGET EXTENTD_REASON", "A snapshot could not be replicated")                   \
	X(RETRY, "d0b9c4f7e6b64d11aa80efb3abaaa245", LOG_WARNING, "EXTENTD_TARGET EXTENTD_REASON", \
	  "Replication was interrupted and will be tried again")                                   \
	X(FULL, "ba67074430874f76931f4eedaee3f04e", LOG_NOTICE, "EXTENTD_TARGET EXTENTD_SNAPSHOT", \
	  "A target has no snapshot in common with the source")

enum replicate_message {
	MESSAGE_NONE = -1, /* what is not worth one */
#define X(name, id, priority, fields, subject) MESSAGE_##name,
	REPLICATE_MESSAGES(X)
#undef X
};

#endif
