// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/session.h"

bool session_privileged(void)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t have = CAP_CLEAR;

	if (caps) {
		cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &have);
		cap_free(caps);
	}
	return have == CAP_SET;
}

/* $EXTENTD, or the one that was built or installed with us, or what PATH has. */
static void daemon_find(char out[PATH_MAX])
{
	static const char *const beside[] = { "extentd", "../../daemon/extentd", "../sbin/extentd",
					      "../libexec/extentd" };
	const char *given = getenv("EXTENTD");
	char self[PATH_MAX];
	ssize_t n;

	if (given && *given) {
		snprintf(out, PATH_MAX, "%s", given);
		return;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		*(strrchr(self, '/') + 1) = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(beside); i++)
			if (snprintf(out, PATH_MAX, "%s%s", self, beside[i]) < PATH_MAX &&
			    !access(out, X_OK))
				return;
	}
	if (!access(EXTENTD_LIBEXEC "/extentd", X_OK))
		strcpy(out, EXTENTD_LIBEXEC "/extentd");
	else
		strcpy(out, "extentd");
}

static int daemon_start(const char *validation, int *fd, pid_t *pid)
{
	char program[PATH_MAX], number[16];
	int pair[2];

	daemon_find(program);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	snprintf(number, sizeof(number), "%d", pair[1]);
	*pid = fork();
	if (*pid < 0) {
		close(pair[0]);
		close(pair[1]);
		return -errno;
	}
	if (!*pid) {
		/* ^C is for the copy: the daemon goes on until the session ends. */
		setpgid(0, 0);
		fcntl(pair[1], F_SETFD, 0);
		execlp(program, "extentd", "--session-fd", number, "--validation", validation,
		       (char *)NULL);
		fprintf(stderr, "extentctl: %s cannot be started: %s\n", program, strerror(errno));
		_exit(127);
	}
	close(pair[1]);
	*fd = pair[0];
	return 0;
}

static int session_private(const struct session_options *options, struct session *out)
{
	int fd, err;

	err = daemon_start(options->validation ? options->validation : "structure", &fd, &out->pid);
	if (!err)
		err = extent_attach(fd, &out->extent);
	if (err < 0) {
		fprintf(stderr, "extentctl: no private extentd: %s\n", extent_error_text(NULL));
		session_close(out);
		return err;
	}
	if (!options->quiet)
		fprintf(stderr, "extentctl: using a private extentd%s\n",
			session_privileged() ? ""
					     : "; without CAP_SYS_ADMIN it writes decoded, not "
					       "compressed");
	return 0;
}

static int session_remote(const struct session_options *options, struct session *out)
{
	int err = rsh_session(&options->rsh, options->socket, options->private_daemon, &out->extent,
			      &out->pid);

	if (!err)
		return 0;
	if (err == -EINVAL && !out->pid)
		fprintf(stderr, "extentctl: --host: \"%s\" is no machine's name\n",
			options->rsh.host);
	else
		fprintf(stderr, "extentctl: no extentd on %s: %s\n", options->rsh.host,
			out->pid ? extent_error_text(NULL) : strerror(-err));
	session_close(out);
	return err;
}

int session_socket(const struct session_options *options, int *fd, pid_t *pid)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *path = options->socket ?: getenv("EXTENTD_SOCKET");
	bool named = path && *path;
	_cleanup_(closep) int s = -1;

	*pid = 0;
	if (options->private_daemon)
		return daemon_start(options->validation ?: "full", fd, pid);
	if (!named)
		path = EXTENT_DEFAULT_SOCKET;
	if (snprintf(a.sun_path, sizeof(a.sun_path), "%s", path) >= (int)sizeof(a.sun_path))
		return -ENAMETOOLONG;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	if (connect(s, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	*fd = steal_fd(&s);
	return 0;
}

int session_open(const struct session_options *options, struct session *out)
{
	const char *environment = getenv("EXTENTD_SOCKET");
	bool named = options->socket || (environment && *environment);
	int err;

	*out = (struct session){ NULL, 0 };
	if (options->rsh.host)
		return session_remote(options, out);
	if (options->private_daemon)
		return session_private(options, out);
	err = extent_connect(options->socket, &out->extent);
	if (!err)
		return 0;
	if (!named && (err == -ENOENT || err == -ECONNREFUSED))
		return session_private(options, out);
	fprintf(stderr, "extentctl: %s\n", extent_error_text(NULL));
	return err;
}

void session_close(struct session *session)
{
	extent_disconnect(session->extent);
	session->extent = NULL;
	if (session->pid > 0)
		while (waitpid(session->pid, NULL, 0) < 0 && errno == EINTR)
			;
	session->pid = 0;
}
