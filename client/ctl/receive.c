// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/commands.h"
#include "ctl/exit.h"
#include "ctl/json.h"
#include "ctl/progress.h"
#include "ctl/session.h"
#include "ctl/there.h"
#include "receive/receive.h"
#include "stream/dump.h"

struct values {
	struct session_options session;
	const char *file, *root;
	unsigned long long max_errors;
	bool stop_at_end, confine, decompress, dump, trust, literal, strict, direct;
	bool quiet, verbose, json;
};

#define AT(field) offsetof(struct values, field)

static const struct command_option options[] = {
	{ "file", 'f', "FILE", OPTION_STRING, AT(file), "read the stream from FILE, not stdin" },
	{ "terminate-on-end", 'e', NULL, OPTION_FLAG, AT(stop_at_end),
	  "stop behind the first end of a stream" },
	{ "chroot", 'C', NULL, OPTION_FLAG, AT(confine), "confine this process to DIRECTORY" },
	{ "max-errors", 'E', "N", OPTION_NUMBER, AT(max_errors),
	  "give up after N errors: 1; 0 goes on to the end" },
	{ "root-mount", 'm', "MOUNT", OPTION_STRING, AT(root),
	  "where the filesystem is mounted, to find parents and clone sources" },
	{ "force-decompress", 0, NULL, OPTION_FLAG, AT(decompress),
	  "write all data decompressed, without the daemon" },
	{ "dump", 0, NULL, OPTION_FLAG, AT(dump), "print the stream's commands, receive nothing" },
	{ "trust-source", 0, NULL, OPTION_FLAG, AT(trust),
	  "check the structure of extents only, not that each can be decompressed" },
	{ "strict", 0, NULL, OPTION_FLAG, AT(strict), "what cannot be set is an error" },
	{ "no-plan", 0, NULL, OPTION_FLAG, AT(literal), "execute each command as it stands" },
	{ "direct", 0, NULL, OPTION_FLAG, AT(direct),
	  "write extents without a daemon, and do not prove them" },
	{ "socket", 's', "PATH", OPTION_STRING, AT(session.socket), "of the daemon to use" },
	{ "private", 'p', NULL, OPTION_FLAG, AT(session.private_daemon),
	  "start a daemon for this stream only" },
	SESSION_RSH_OPTIONS(AT(session.rsh)),
	{ "quiet", 'q', NULL, OPTION_FLAG, AT(quiet), "print errors only" },
	{ "verbose", 'v', NULL, OPTION_FLAG, AT(verbose), "say in the end what was done" },
	{ "json", 'j', NULL, OPTION_FLAG, AT(json), "print a report to stdout in the end" },
	{ NULL },
};

struct job {
	const struct values *values;
	struct receive_stats stats;
	struct progress *progress;
	uint64_t total;
	struct timespec start;
};

static void message(void *userdata, int level, const char *text)
{
	struct job *job = userdata;

	if (job->values->quiet && level > LOG_ERR)
		return;
	progress_clear(job->progress);
	if (level == LOG_INFO)
		fprintf(stderr, "%s\n", text);
	else
		fprintf(stderr, "extentctl: %s%s\n", level == LOG_WARNING ? "warning: " : "", text);
}

static void tick(void *userdata)
{
	struct job *job = userdata;
	struct progress_view view = {
		.bytes = job->stats.bytes,
		.payload_bytes = job->stats.bytes,
		.files = job->stats.target.inodes,
		.total_bytes = job->total,
	};

	progress_tick(job->progress, &view);
}

static double seconds_since(const struct timespec *start)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(t.tv_sec - start->tv_sec) + (double)(t.tv_nsec - start->tv_nsec) / 1e9;
}

static void report(const struct job *job, const struct sink *sink, int code)
{
	const struct receive_stats *s = &job->stats;
	const struct sink_stats *d = &sink->stats;
	struct json j;
	char a[16], b[16];

	if (job->values->json) {
		json_begin(&j, stdout);
		json_number(&j, "exit_code", (uint64_t)code);
		json_bool(&j, "durable", code == CTL_OK);
		json_bool(&j, "proved", code == CTL_OK && !job->values->direct);
		json_decimal(&j, "seconds", seconds_since(&job->start));
		json_number(&j, "stream_bytes", s->bytes);
		json_number(&j, "commands", s->commands);
		json_number(&j, "subvolumes", s->subvolumes);
		json_number(&j, "errors", s->errors);
		json_number(&j, "warnings", s->warnings);
		json_number(&j, "inodes", s->target.inodes);
		json_number(&j, "temporary_names_elided", s->target.elided);
		json_number(&j, "temporary_names_used", s->target.literal);
		json_number(&j, "encoded", d->encoded);
		json_number(&j, "decoded", d->decoded);
		json_number(&j, "plain", d->plain);
		json_number(&j, "payload_bytes", d->payload_bytes);
		json_number(&j, "bytes", d->file_bytes);
		if (json_end(&j) < 0)
			fprintf(stderr, "extentctl: the report could not be written\n");
	}
	if (job->values->verbose)
		fprintf(stderr,
			"%llu subvolumes, %llu inodes, %s as %s, in %.2f s%s; %llu extents were "
			"decompressed, %llu attributes not set\n",
			(unsigned long long)s->subvolumes, (unsigned long long)s->target.inodes,
			progress_bytes(d->file_bytes, a), progress_bytes(d->payload_bytes, b),
			seconds_since(&job->start), code == CTL_OK ? ", safe on disk" : "",
			(unsigned long long)d->decoded, (unsigned long long)s->target.not_set);
}

static int dump(const struct values *v, int input)
{
	struct block_source *pool = NULL;
	struct stream *s = NULL;
	char text[512];
	int r = block_pool_new(BLOCK_SIZE_MIN, 2, &pool);

	if (!r)
		r = stream_new_fd(input, pool, &s);
	if (!r)
		r = stream_dump(s, stdout, v->stop_at_end);
	if (r && s && stream_fault(s)->code != STREAM_FAULT_NONE) {
		stream_fault_format(stream_fault(s), text, sizeof(text));
		fprintf(stderr, "extentctl: %s\n", text);
	} else if (r) {
		fprintf(stderr, "extentctl: printing the stream: %s\n", strerror(-r));
	}
	stream_free(s);
	block_pool_free(pool);
	return r ? CTL_PARTIAL : CTL_OK;
}

/* The top of the mount that fd lies in; negative if it cannot be opened. */
static int mount_top(int fd)
{
	_cleanup_(closep) int here = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct statx at, above;

	if (here < 0 || statx(here, "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_INO, &at))
		return -errno;
	for (;;) {
		_cleanup_(closep) int up = openat(here, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		int next = up;

		if (up < 0 || statx(up, "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_INO, &above))
			return -errno;
		if (above.stx_mnt_id != at.stx_mnt_id ||
		    (above.stx_ino == at.stx_ino && above.stx_dev_minor == at.stx_dev_minor &&
		     above.stx_dev_major == at.stx_dev_major))
			return openat(here, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		up = here;
		here = next;
		at = above;
	}
}

static int sink_open(const struct values *v, struct session *session, struct sink **sink)
{
	struct session_options o = v->session;
	int r;

	if (v->decompress || v->direct)
		return sink_direct_new(!v->trust, v->decompress, sink);
	o.quiet = v->quiet;
	o.validation = v->trust ? "structure" : "full";
	r = session_open(&o, session);
	if (r < 0)
		return r;
	return sink_extent_new(session->extent, sink);
}

static int receive_all(struct job *job, struct receive_options *o, struct session *session,
		       struct sink *sink)
{
	struct stat st;
	int r;

	if (!fstat(o->input, &st) && S_ISREG(st.st_mode))
		job->total = st.st_size;
	o->sink = sink;
	job->progress = progress_new(job->values->quiet || job->values->json);
	r = receive(o, &job->stats);
	job->progress = progress_free(job->progress);
	if (!r)
		return CTL_OK;
	if (r == -ECONNRESET || r == -ESHUTDOWN)
		return CTL_DAEMON;
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE ? CTL_FATAL : CTL_PARTIAL;
}

static int open_told(const char *path, int flags)
{
	int fd = open(path, flags | O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fprintf(stderr, "extentctl: %s: %s\n", path, strerror(errno));
	return fd;
}

static int run(int argc, char *argv[])
{
	struct values v = { .max_errors = 1 };
	struct job job = { .values = &v };
	struct session session = { NULL, 0 };
	struct sink *sink = NULL;
	_cleanup_(closep) int input = -1, directory = -1, mount = -1;
	int first, code, r;

	r = option_parse(&receive_command, argc, argv, &v, &first);
	if (r)
		return r < 0 ? CTL_USAGE : CTL_OK;
	if (argc - first != (v.dump ? 0 : 1) && !(v.dump && argc - first == 1)) {
		fprintf(stderr, "extentctl receive: one DIRECTORY is needed; try --help\n");
		return CTL_USAGE;
	}
	clock_gettime(CLOCK_MONOTONIC, &job.start);
	input = v.file ? open_told(v.file, 0) : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (input < 0)
		return CTL_FATAL;
	if (!v.file && isatty(input)) {
		fprintf(stderr, "extentctl receive: stdin is a terminal, not a stream\n");
		return CTL_USAGE;
	}
	if (v.dump)
		return dump(&v, input);
	if (v.session.rsh.host)
		return receive_there(&v.session.rsh, input, argc, argv);
	directory = open_told(argv[first], O_DIRECTORY);
	if (directory < 0)
		return CTL_FATAL;
	mount = v.root	    ? open_told(v.root, O_DIRECTORY)
		: v.confine ? fcntl(directory, F_DUPFD_CLOEXEC, 0)
			    : mount_top(directory);
	if (mount < 0 && v.root)
		return CTL_FATAL;
	if (mount < 0) /* without privilege no parent could be looked up anyway */
		mount = fcntl(directory, F_DUPFD_CLOEXEC, 0);
	r = sink_open(&v, &session, &sink);
	if (r < 0)
		return v.decompress || v.direct ? CTL_FATAL : CTL_DAEMON;
	if (v.confine && (fchdir(directory) || chroot(".") || chdir("/"))) {
		fprintf(stderr, "extentctl: --chroot %s: %s\n", argv[first], strerror(errno));
		code = CTL_FATAL;
	} else {
		struct receive_options o = {
			.input = input,
			.directory = directory,
			.mount = mount,
			.literal = v.literal,
			.stop_at_end = v.stop_at_end,
			.strict = v.strict,
			.max_errors = v.max_errors,
			.message = message,
			.tick = tick,
			.userdata = &job,
		};

		code = receive_all(&job, &o, &session, sink);
		report(&job, sink, code);
	}
	sink->free(sink);
	session_close(&session);
	return code;
}

const struct command receive_command = {
	.name = "receive",
	.arguments = "DIRECTORY",
	.text = "Makes subvolumes from btrfs send streams, as btrfs receive does.\n"
		"Exit code 0 says that everything is safe on disk.",
	.options = options,
	.run = run,
};
