// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "bench.h"

extern char **environ;

static char work[96];
static pid_t owner, daemon_pid;

double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void payload_make(struct payload *p, size_t bytes)
{
	static unsigned char plain[EXTENT_BYTES];
	uint64_t x = 88172645463325252ULL;
	size_t n;

	for (size_t i = 0; i < bytes; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		plain[i] = x & 0x100 ? (unsigned char)x : 'e';
	}
	n = ZSTD_compress(p->bytes, sizeof(p->bytes), plain, bytes, 1);
	if (ZSTD_isError(n))
		abort();
	p->len = (uint32_t)n;
}

/* Runs a shell command with $0 set to arg: true if it succeeded. */
static bool shell(const char *command, const char *arg)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)command, (char *)arg, NULL };
	pid_t pid;
	int status;

	return posix_spawnp(&pid, "sh", NULL, NULL, argv, environ) == 0 &&
	       waitpid(pid, &status, 0) == pid && status == 0;
}

static void scratch_end(void)
{
	if (getpid() != owner)
		return;
	if (daemon_pid)
		daemon_stop(daemon_pid);
	/* -l: a run that failed has its files open. */
	shell("for i in 1 2 3 4 5; do umount \"$0/mnt\" 2>/dev/null && break; sleep 0.2; "
	      "done; umount -l \"$0/mnt\" 2>/dev/null; rm -rf \"$0\"",
	      work);
}

static void interrupted(int signal)
{
	exit(128 + signal);
}

const char *scratch_mount(const char *dir)
{
	static char at[sizeof(work) + 8];

	snprintf(work, sizeof(work), "%s/extentd-bench-XXXXXX", dir);
	if (!mkdtemp(work))
		return NULL;
	owner = getpid();
	atexit(scratch_end);
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	if (!shell("cd \"$0\" && truncate -s 4G img && mkfs.btrfs -q img >/dev/null 2>&1 && "
		   "mkdir mnt && mount -o loop img mnt 2>/dev/null",
		   work))
		return NULL;
	snprintf(at, sizeof(at), "%s/mnt", work);
	return at;
}

static bool listening(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	strcpy(a.sun_path, path);
	yes = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	close(fd);
	return yes;
}

pid_t daemon_start(const char *binary, const char *validation, char socket[108])
{
	pid_t pid;

	snprintf(socket, 108, "%s/s", work);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDERR_FILENO);
		execl(binary, binary, "--config", "/dev/null", "--socket", socket, "--validation",
		      validation, (char *)NULL);
		_exit(127);
	}
	daemon_pid = pid;
	for (int i = 0; i < 500 && !listening(socket); i++)
		usleep(10000);
	return pid;
}

void daemon_stop(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	daemon_pid = 0;
}

/* Of threads that have ended, too. */
static double seconds_of(pid_t pid, bool user, bool system)
{
	char path[32], text[1024];
	unsigned long in_user = 0, in_system = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(text, sizeof(text), f) && strrchr(text, ')'))
		sscanf(strrchr(text, ')') + 1,
		       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &in_user,
		       &in_system);
	fclose(f);
	return (double)((user ? in_user : 0) + (system ? in_system : 0)) /
	       (double)sysconf(_SC_CLK_TCK);
}

double user_seconds(pid_t pid)
{
	return seconds_of(pid, true, false);
}

double cpu_seconds(pid_t pid)
{
	return seconds_of(pid, true, true);
}

long resident_kib(pid_t pid)
{
	char path[32], line[256];
	long anon = 0, file = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "RssAnon: %ld", &anon);
		sscanf(line, "RssFile: %ld", &file);
	}
	fclose(f);
	return anon + file; /* arenas are shared memory: RssShmem */
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

void median_of(double *values, unsigned int n, double *low, double *median, double *high)
{
	qsort(values, n, sizeof(*values), ascending);
	*low = values[0];
	*median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
	*high = values[n - 1];
}

/* All start together, when the pipe's writing end is closed. */
double each_process(const struct load *load, void (*one)(const struct load *, unsigned int id))
{
	int gate[2], status;
	double start;
	char go;

	if (load->writers == 1) {
		start = now_us();
		one(load, 0);
		return now_us() - start;
	}
	if (pipe(gate) < 0)
		abort();
	for (unsigned int i = 0; i < load->writers; i++) {
		if (fork() == 0) {
			close(gate[1]);
			if (read(gate[0], &go, 1) < 0)
				_exit(1);
			one(load, i);
			_exit(0);
		}
	}
	close(gate[0]);
	usleep(20000);
	start = now_us();
	close(gate[1]);
	for (unsigned int i = 0; i < load->writers; i++) {
		if (wait(&status) < 0 || status) {
			fprintf(stderr, "a writer failed\n");
			exit(1);
		}
	}
	return now_us() - start;
}
