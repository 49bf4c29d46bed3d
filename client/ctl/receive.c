// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/commands.h"
#include "ctl/dump.h"
#include "ctl/exit.h"
#include "ctl/interrupt.h"
#include "ctl/job.h"
#include "ctl/there.h"
#include "receive/receive.h"
#include "receive/reference.h"

struct values {
	struct job_options job;
	const char *file, *root;
	unsigned long long max_errors, rate, checkpoint;
	bool stop_at_end, confine, decompress, dump, trust, literal, strict, direct, verbose;
	bool resume, abort, rehearse, displace, goes_on;
	struct {
		uint64_t offset, digest;
	} from;
};

#define AT(field)     offsetof(struct values, field)
#define AT_JOB(field) AT(job.field)

static int parse_from(void *values, const char *text)
{
	struct values *v = values;
	int end = 0;

	if (sscanf(text, "%" SCNu64 ":%" SCNx64 "%n", &v->from.offset, &v->from.digest, &end) !=
		    2 ||
	    text[end])
		return -EINVAL;
	v->goes_on = true;
	return 0;
}

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
	{ "resume", 0, NULL, OPTION_FLAG, AT(resume),
	  "go on where an earlier attempt with the same stream was interrupted" },
	{ "from", 0, "OFFSET:DIGEST", OPTION_PARSED, 0,
	  "with --resume: behind its first command the stream goes on where the part ends",
	  parse_from },
	{ "take-over", 0, NULL, OPTION_FLAG, AT(displace),
	  "with --resume: end a process that still waits for the rest of the same stream" },
	{ "abort", 0, NULL, OPTION_FLAG, AT(abort),
	  "remove from DIRECTORY what was received in part, and read no stream; with --resume: "
	  "only what "
	  "is of another stream" },
	{ "checkpoint", 0, "SIZE", OPTION_NUMBER, AT(checkpoint),
	  "make a point to resume from each SIZE of the stream, besides each 30 s" },
	{ "dry-run", 'n', NULL, OPTION_FLAG, AT(rehearse),
	  "check the stream, say what would be made and what is missing, write nothing" },
	{ "bwlimit", 0, "RATE", OPTION_NUMBER, AT(rate),
	  "read at most RATE bytes of the stream a second" },
	{ "trust-source", 0, NULL, OPTION_FLAG, AT(trust),
	  "check the structure of extents only, not that each can be decompressed" },
	{ "strict", 0, NULL, OPTION_FLAG, AT(strict), "what cannot be set is an error" },
	{ "no-plan", 0, NULL, OPTION_FLAG, AT(literal), "execute each command as it stands" },
	{ "direct", 0, NULL, OPTION_FLAG, AT(direct),
	  "write extents without a daemon, and do not prove them" },
	SESSION_RSH_OPTIONS(AT_JOB(session.rsh)),
	{ "verbose", 'v', NULL, OPTION_FLAG, AT(verbose), "say in the end what was done" },
	JOB_OPTIONS(AT_JOB),
	{ NULL },
};

struct receiving {
	struct job job;
	const struct values *values;
	struct receive_stats stats;
	struct sink *sink; /* NULL when nothing is written */
	uint64_t total;
};

static void message(void *userdata, int level, const char *text)
{
	job_message(userdata, level, text);
}

static void tick(void *userdata)
{
	struct receiving *rx = userdata;
	struct progress_view *view = &rx->job.view;

	view->done = rx->stats.stream_bytes;
	view->total = rx->total;
	view->files = rx->stats.target.inodes;
	if (rx->sink) {
		const struct sink_stats *d = &rx->sink->stats;

		view->extents = d->encoded + d->decoded;
		view->decompressed = d->decoded;
		view->bytes = d->file_bytes;
		view->payload_bytes = d->payload_bytes;
	}
	job_tick(&rx->job);
}

static void report_json(const struct receiving *rx, const struct session *session, int code)
{
	const struct receive_stats *s = &rx->stats;
	const struct sink_stats none = { 0 }, *d = rx->sink ? &rx->sink->stats : &none;
	bool durable = code == CTL_OK && rx->sink;
	struct json j;

	job_report_begin(&j, &rx->job, session, code, durable);
	json_bool(&j, "proved", durable && session->extent);
	json_bool(&j, "dry_run", rx->values->rehearse);
#define X(field, text) json_number(&j, #field, s->field);
	RECEIVE_STATS(X)
#undef X
	json_number(&j, "inodes", s->target.inodes);
	json_number(&j, "attributes_not_set", s->target.not_set);
	json_number(&j, "temporary_names_elided", s->target.elided);
	json_number(&j, "temporary_names_used", s->target.literal);
	json_number(&j, "encoded", d->encoded);
	json_number(&j, "decoded", d->decoded);
	json_number(&j, "plain", d->plain);
	json_number(&j, "payload_bytes", d->payload_bytes);
	json_number(&j, "bytes", d->file_bytes);
	job_report_end(&j);
}

static void report_text(const struct receiving *rx, int code)
{
	const struct receive_stats *s = &rx->stats;
	const struct sink_stats *d = &rx->sink->stats;
	char a[16], b[16];

	fprintf(stderr,
		"%llu subvolumes, %llu inodes, %s as %s, in %.2f s%s; %llu extents were "
		"decompressed\n",
		(unsigned long long)s->subvolumes, (unsigned long long)s->target.inodes,
		progress_bytes(d->file_bytes, a), progress_bytes(d->payload_bytes, b),
		job_seconds(&rx->job), code == CTL_OK ? ", safe on disk" : "",
		(unsigned long long)d->decoded);
}

static int sink_open(const struct values *v, struct session *session, struct sink **sink)
{
	struct session_options o = v->job.session;
	int r;

	if (v->decompress || v->direct)
		return sink_direct_new(!v->trust, v->decompress, sink) ? CTL_FATAL : 0;
	o.quiet = v->job.quiet;
	o.validation = v->trust ? "structure" : "full";
	r = session_open(&o, session);
	if (r < 0)
		return CTL_DAEMON;
	return sink_extent_new(session->extent, sink) ? CTL_FATAL : 0;
}

static int open_told(const char *path, int flags)
{
	int fd = open(path, flags | O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fprintf(stderr, "extentctl: %s: %s\n", path, strerror(errno));
	return fd;
}

static int input_open(const char *path)
{
	_cleanup_(closep) int fd = open_told(path, 0);
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		fprintf(stderr, "extentctl: %s: a directory, not a send stream\n", path);
		return -1;
	}
	return steal_fd(&fd);
}

static int receive_all(struct receiving *rx, const struct values *v, int input, int directory,
		       int mount, bool replace)
{
	struct receive_options o = {
		.input = input,
		.stop = interrupt_fd(),
		.rate = v->rate,
		.directory = directory,
		.mount = mount,
		.sink = rx->sink,
		.literal = v->literal,
		.stop_at_end = v->stop_at_end,
		.strict = v->strict,
		.rehearse = v->rehearse,
		.trust = v->trust,
		.no_checkpoint = !session_privileged(),
		.policy = (v->resume ? PARTIAL_RESUME : 0U) |
			  (replace || v->abort ? PARTIAL_REPLACE : 0U),
		.displace = v->displace,
		.goes_on = v->goes_on,
		.from = v->from.offset,
		.from_digest = v->from.digest,
		.checkpoint = v->checkpoint,
		.max_errors = v->max_errors,
		.message = message,
		.tick = tick,
		.userdata = rx,
	};
	struct stat st;
	int r;

	if (!fstat(input, &st) && S_ISREG(st.st_mode))
		rx->total = (uint64_t)st.st_size;
	r = receive(&o, &rx->stats);
	if (rx->stats.target.not_set) {
		char text[128];

		snprintf(text, sizeof(text),
			 "%llu owners, modes or attributes could not be set: no privilege, or no "
			 "place for them",
			 (unsigned long long)rx->stats.target.not_set);
		job_message(&rx->job, LOG_WARNING, text);
	}
	return r == -EAGAIN ? CTL_STOPPED : job_exit_code(r, CTL_PARTIAL);
}

static int receive_into(struct receiving *rx, const struct values *v, int input, const char *path,
			bool replace)
{
	_cleanup_(closep) int directory = open_told(path, O_DIRECTORY), mount = -1;
	struct session session = { NULL, 0 };
	unsigned int count;
	int code = 0;

	if (directory < 0)
		return CTL_FATAL;
	if (v->abort && !v->resume) {
		code = partial_abort(directory, message, rx, &count) ? CTL_PARTIAL : CTL_OK;
		if (!code && !count)
			job_message(&rx->job, LOG_INFO, "nothing was received in part here");
		return code;
	}
	mount = v->root	     ? open_told(v->root, O_DIRECTORY)
		: v->confine ? fcntl(directory, F_DUPFD_CLOEXEC, 0)
			     : reference_mount_top(directory);
	if (mount < 0 && v->root)
		return CTL_FATAL;
	if (mount < 0) /* without privilege no parent could be looked up anyway */
		mount = fcntl(directory, F_DUPFD_CLOEXEC, 0);
	if (!v->rehearse)
		code = sink_open(v, &session, &rx->sink);
	if (!code && v->confine && (fchdir(directory) || chroot(".") || chdir("/"))) {
		fprintf(stderr, "extentctl: --chroot %s: %s\n", path, strerror(errno));
		code = CTL_FATAL;
	}
	if (!code) {
		code = receive_all(rx, v, input, directory, mount, replace);
		job_end(&rx->job, code);
		if (v->job.json)
			report_json(rx, &session, code);
		if (v->verbose && rx->sink)
			report_text(rx, code);
	}
	if (rx->sink)
		rx->sink->free(rx->sink);
	session_close(&session);
	return code;
}

static int run(int argc, char *argv[])
{
	struct values v = { .max_errors = 1 };
	struct receiving rx = { .values = &v };
	_cleanup_(closep) int input = -1;
	/* By this name nobody can say what to do with a part that is there. */
	bool replace = strcmp(argv[0], receive_command.name);
	int first, code, r;

	r = option_parse(&receive_command, argc, argv, &v, &first);
	if (r)
		return r < 0 ? CTL_USAGE : CTL_OK;
	if (argc - first != 1 && !(v.dump && argc == first)) {
		fprintf(stderr, "extentctl receive: one DIRECTORY is needed; try --help\n");
		return CTL_USAGE;
	}
	if ((v.goes_on || v.displace) && !v.resume) {
		fprintf(stderr, "extentctl receive: --from and --take-over need --resume\n");
		return CTL_USAGE;
	}
	if (v.abort && !v.resume) {
		input = open_told("/dev/null", 0);
	} else {
		input = v.file ? input_open(v.file) : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
		if (input >= 0 && !v.file && isatty(input)) {
			fprintf(stderr, "extentctl receive: stdin is a terminal, not a stream\n");
			return CTL_USAGE;
		}
	}
	if (input < 0)
		return CTL_FATAL;
	if (v.dump)
		return dump(input, v.stop_at_end);
	if (v.job.session.rsh.host)
		return receive_there(&v.job.session.rsh, input, argc, argv);
	code = job_begin(&rx.job, &v.job);
	if (code)
		return code;
	code = receive_into(&rx, &v, input, argv[first], replace);
	job_end(&rx.job, code);
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
