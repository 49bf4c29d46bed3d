// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A disk that remembers. `recorder IMAGE HISTORY MOUNTPOINT SEED` serves IMAGE as MOUNTPOINT/disk,
 * to be put under a loop device, and writes down each request in HISTORY. Two more files:
 *
 *	marks	what is written here joins the history, in order with the disk's requests
 *	faults	rules of faults.h, one a line, effective when the write returns
 *
 * Requests are taken by one thread, so the history has one order. A late answer waits in
 * answers.c: its data reaches the image when it is answered, not before, as on a disk whose
 * write has not finished. Everything is answered exactly once, by answer().
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answers.h"
#include "faults.h"
#include "history.h"
#include "kind.h"

#define MAX_BACKGROUND 1024 /* requests the kernel may have open here: all the loop has */
#define ATTR_TIMEOUT   3600.0

enum node {
	NODE_ROOT = FUSE_ROOT_ID,
	NODE_DISK,
	NODE_MARKS,
	NODE_FAULTS,
	_NODE_N,
};

static const char *const node_names[_NODE_N] = {
	[NODE_DISK] = "disk",
	[NODE_MARKS] = "marks",
	[NODE_FAULTS] = "faults",
};

struct recorder {
	int image;
	off_t size;
	struct history history;
	struct faults faults;
	struct kind_teller teller;
	struct answers *answers;
};

/* A request of the disk between its arrival and its answer. Owned by whoever will answer it. */
struct request {
	fuse_req_t fuse;
	enum history_type type;
	uint64_t id, offset, length;
	const uint8_t *payload; /* in the history */
	int error;
};

static int request_apply(struct recorder *recorder, const struct request *request)
{
	uint64_t done = 0;

	if (request->type == HISTORY_DISCARD)
		return fallocate(recorder->image, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 request->offset, request->length) < 0
			       ? -errno
			       : 0;
	while (request->type == HISTORY_WRITE && done < request->length) {
		ssize_t n = pwrite(recorder->image, request->payload + done, request->length - done,
				   request->offset + done);

		if (n < 0)
			return -errno;
		done += n;
	}
	return 0;
}

static void answer(void *context, void *item)
{
	struct recorder *recorder = context;
	struct request *request = item;
	struct history_record record = { .type = HISTORY_DONE, .id = request->id };

	if (!request->error)
		request->error = request_apply(recorder, request);
	record.error = request->error;
	if (history_append(&recorder->history, &record, NULL, NULL) < 0)
		request->error = -EIO;
	if (request->error || request->type != HISTORY_WRITE)
		fuse_reply_err(request->fuse, -request->error);
	else
		fuse_reply_write(request->fuse, request->length);
	free(request);
}

static void take(fuse_req_t fuse, enum history_type type, enum history_kind kind, uint64_t offset,
		 uint64_t length, const void *payload)
{
	struct recorder *recorder = fuse_req_userdata(fuse);
	struct history_record record = {
		.type = type, .kind = kind, .offset = offset, .length = length
	};
	struct request *request = calloc(1, sizeof(*request));
	struct fault_verdict verdict;

	if (!request) {
		fuse_reply_err(fuse, ENOMEM);
		return;
	}
	verdict = faults_judge(&recorder->faults, kind, offset, length);
	if (verdict.lie)
		record.flags |= HISTORY_LIE;
	*request = (struct request){
		.fuse = fuse,
		.type = type,
		.offset = offset,
		.length = length,
		.error = verdict.error,
	};
	if (history_append(&recorder->history, &record, payload, &request->payload) < 0)
		request->error = -EIO;
	request->id = record.id;
	if (!verdict.delay_ns || answers_schedule(recorder->answers, request, verdict.delay_ns) < 0)
		answer(recorder, request);
}

static void node_stat(const struct recorder *recorder, fuse_ino_t ino, struct stat *out)
{
	*out = (struct stat){ .st_ino = ino, .st_nlink = 1, .st_mode = S_IFREG | 0600 };
	if (ino == NODE_ROOT)
		out->st_mode = S_IFDIR | 0700;
	if (ino == NODE_DISK)
		out->st_size = recorder->size;
	out->st_blksize = 4096;
	out->st_blocks = out->st_size / 512;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND;
	conn->max_write = 1 << 20;
}

static void op_lookup(fuse_req_t fuse, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .attr_timeout = ATTR_TIMEOUT,
					  .entry_timeout = ATTR_TIMEOUT };

	for (int i = NODE_DISK; i < _NODE_N; i++) {
		if (strcmp(name, node_names[i]))
			continue;
		entry.ino = i;
		node_stat(fuse_req_userdata(fuse), i, &entry.attr);
		fuse_reply_entry(fuse, &entry);
		return;
	}
	fuse_reply_err(fuse, ENOENT);
}

static void op_getattr(fuse_req_t fuse, fuse_ino_t ino, struct fuse_file_info *info)
{
	struct stat st;

	node_stat(fuse_req_userdata(fuse), ino, &st);
	fuse_reply_attr(fuse, &st, ATTR_TIMEOUT);
}

/* A shell opens `marks` with O_TRUNC: nothing to do, and no reason to refuse. */
static void op_setattr(fuse_req_t fuse, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *info)
{
	if (ino == NODE_DISK)
		fuse_reply_err(fuse, EPERM);
	else
		op_getattr(fuse, ino, info);
}

static void op_open(fuse_req_t fuse, fuse_ino_t ino, struct fuse_file_info *info)
{
	info->direct_io = ino != NODE_DISK;
	fuse_reply_open(fuse, info);
}

static void op_read(fuse_req_t fuse, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	struct recorder *recorder = fuse_req_userdata(fuse);
	struct fuse_bufvec source = FUSE_BUFVEC_INIT(size);

	if (ino != NODE_DISK) {
		fuse_reply_buf(fuse, NULL, 0);
		return;
	}
	source.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	source.buf[0].fd = recorder->image;
	source.buf[0].pos = offset;
	fuse_reply_data(fuse, &source, FUSE_BUF_SPLICE_MOVE);
}

static void write_mark(fuse_req_t fuse, const char *text, size_t size)
{
	struct recorder *recorder = fuse_req_userdata(fuse);
	struct history_record record = { .type = HISTORY_MARK, .length = size };

	if (history_append(&recorder->history, &record, text, NULL) < 0)
		fuse_reply_err(fuse, ENOSPC);
	else
		fuse_reply_write(fuse, size);
}

static void write_faults(fuse_req_t fuse, const char *text, size_t size)
{
	struct recorder *recorder = fuse_req_userdata(fuse);
	char *copy = strndup(text, size), *rest, *line;
	int r = copy ? 0 : -ENOMEM;

	for (line = copy ? strtok_r(copy, "\n", &rest) : NULL; line && !r;
	     line = strtok_r(NULL, "\n", &rest))
		r = faults_rule(&recorder->faults, line);
	free(copy);
	if (r < 0)
		fuse_reply_err(fuse, -r);
	else
		fuse_reply_write(fuse, size);
}

static void op_write(fuse_req_t fuse, fuse_ino_t ino, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *info)
{
	struct recorder *recorder = fuse_req_userdata(fuse);

	if (ino == NODE_MARKS)
		write_mark(fuse, data, size);
	else if (ino == NODE_FAULTS)
		write_faults(fuse, data, size);
	else
		take(fuse, HISTORY_WRITE,
		     kind_of_write(&recorder->teller, offset, (const void *)data, size), offset,
		     size, data);
}

static void op_fsync(fuse_req_t fuse, fuse_ino_t ino, int datasync, struct fuse_file_info *info)
{
	if (ino != NODE_DISK)
		fuse_reply_err(fuse, 0);
	else
		take(fuse, HISTORY_FLUSH, KIND_FLUSH, 0, 0, NULL);
}

static void op_fallocate(fuse_req_t fuse, fuse_ino_t ino, int mode, off_t offset, off_t length,
			 struct fuse_file_info *info)
{
	if (ino != NODE_DISK || !(mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
		fuse_reply_err(fuse, EOPNOTSUPP);
	else
		take(fuse, HISTORY_DISCARD, KIND_DISCARD, offset, length, NULL);
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.fsync = op_fsync,
	.fallocate = op_fallocate,
};

static int serve(struct recorder *recorder, const char *mountpoint)
{
	char *argv[] = { (char *)"recorder", (char *)"-osubtype=powercut" };
	struct fuse_args args = FUSE_ARGS_INIT(2, argv);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), recorder);
	int r = 1;

	if (!session)
		return 1;
	if (!fuse_session_mount(session, mountpoint)) {
		r = fuse_session_loop(session) ? 1 : 0;
		answers_free(recorder->answers);
		fuse_session_unmount(session);
	}
	fuse_session_destroy(session);
	return r;
}

int main(int argc, char **argv)
{
	struct recorder recorder = { 0 };
	struct stat st;
	int r;

	if (argc != 5) {
		fprintf(stderr, "usage: %s IMAGE HISTORY MOUNTPOINT SEED\n", argv[0]);
		return 2;
	}
	recorder.image = open(argv[1], O_RDWR | O_CLOEXEC);
	if (recorder.image < 0 || fstat(recorder.image, &st) < 0) {
		fprintf(stderr, "recorder: cannot open image %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	recorder.size = st.st_size;
	r = kind_teller_init(recorder.image, &recorder.teller);
	if (r < 0) {
		fprintf(stderr, "recorder: %s holds no btrfs: run mkfs.btrfs first\n", argv[1]);
		return 1;
	}
	r = history_create(argv[2], &recorder.history);
	if (r < 0) {
		fprintf(stderr, "recorder: cannot create history %s: %s\n", argv[2], strerror(-r));
		return 1;
	}
	faults_init(&recorder.faults, strtoull(argv[4], NULL, 0));
	recorder.answers = answers_new(answer, &recorder);
	if (!recorder.answers)
		return 1;
	r = serve(&recorder, argv[3]);
	history_close(&recorder.history);
	return r;
}
