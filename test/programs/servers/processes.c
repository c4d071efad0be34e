/* processes.c - servers of several processes. */
#define _GNU_SOURCE
#include "servers.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 4 };

static void serve(int listening)
{
	struct sockaddr_storage from;
	socklen_t len;

	for (;;) {
		len = sizeof from;
		talk(check(accept(listening, (struct sockaddr *)&from, &len), "accept"));
	}
}

static void wait_for_ever(void)
{
	for (;;)
		if (wait(NULL) != -1)
			fprintf(stderr, "servers: a worker has ended\n");
		else
			pause();
}

/* prefork: children share the listener that their parent made. */
void prefork(void)
{
	int i, port = 0, fd = listener(0, 0, &port);

	for (i = 0; i < WORKERS; i++)
		if (spawn() == 0)
			serve(fd);
	close(fd); /* the children keep it alive */
	announce(port);
	wait_for_ever();
}

/* reuseport: each process has a listener of its own, all with one port. */
void reuseport(void)
{
	int i, port = 0, ready[2], first = listener(0, 1, &port);
	char byte;

	check(pipe(ready), "pipe");
	for (i = 1; i < WORKERS; i++)
		if (spawn() == 0) {
			int fd = listener(0, 1, &port);

			close(first);
			check(write(ready[1], "x", 1), "write");
			serve(fd);
		}
	for (i = 1; i < WORKERS; i++)
		check(read(ready[0], &byte, 1), "read");
	announce(port);
	serve(first);
}

/* re-exec: a server replaces itself while its listener lives on, as for an
 * upgrade without a pause. */
void re_exec(char **argv)
{
	char way[32];
	int port = 0, fd = listener(0, 0, &port);

	announce(port);
	talk(check(accept(fd, NULL, NULL), "accept"));
	snprintf(way, sizeof way, "inherited=%d", fd);
	argv[1] = way;
	execv("/proc/self/exe", argv);
	check(-1, "exec");
}

void re_execed(int fd)
{
	int on = 0;
	socklen_t len = sizeof on;

	check(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len), "SO_ACCEPTCONN");
	if (!on)
		check(-1, "the inherited socket does not listen");
	serve(fd);
}

/* activation: the parent makes the listener and starts the server when the
 * first client is there, without accepting it. */
void activate(char **argv)
{
	char pid[16];
	int port = 0, fd = listener(SOCK_CLOEXEC, 0, &port);
	struct pollfd p = {fd, POLLIN, 0};

	announce(port);
	check(poll(&p, 1, -1), "poll");
	if (spawn() == 0) {
		if (fd == 3)
			check(fd = dup(fd), "dup");
		check(dup2(fd, 3), "dup2");
		snprintf(pid, sizeof pid, "%d", getpid());
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_PID", pid, 1);
		argv[1] = "activated";
		execv("/proc/self/exe", argv);
		check(-1, "exec");
	}
	wait_for_ever(); /* and keeps its copy, as systemd does */
}

void activated(void)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");

	if (fds == NULL || pid == NULL || atoi(fds) != 1 || atoi(pid) != getpid()) {
		errno = EINVAL;
		check(-1, "LISTEN_FDS");
	}
	serve(3);
}

static void send_descriptor(int to, int fd)
{
	char control[CMSG_SPACE(sizeof fd)] = {0}, byte = 'x';
	struct iovec data = {&byte, 1};
	struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	check(sendmsg(to, &m, 0), "sendmsg");
}

static int receive_descriptor(int from)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec data = {&byte, 1};
	struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	int fd;

	check(recvmsg(from, &m, 0), "recvmsg");
	if (CMSG_FIRSTHDR(&m) == NULL)
		_exit(0);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

/* passing: one process accepts, others serve what it sends them. */
void passing(void)
{
	int i, pair[2], fd, port = 0, listening;

	check(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), "socketpair");
	for (i = 0; i < WORKERS; i++)
		if (spawn() == 0)
			for (;;)
				talk(receive_descriptor(pair[1]));
	listening = listener(0, 0, &port);
	announce(port);
	for (;;) {
		fd = check(accept(listening, NULL, NULL), "accept");
		send_descriptor(pair[0], fd);
		close(fd);
	}
}

/* inetd: a program that knows nothing of sockets serves each connection. */
void inetd(void)
{
	int fd, port = 0, listening = listener(SOCK_CLOEXEC, 0, &port);

	signal(SIGCHLD, SIG_IGN);
	announce(port);
	for (;;) {
		fd = check(accept4(listening, NULL, NULL, SOCK_CLOEXEC), "accept");
		if (spawn() == 0) {
			check(dup2(fd, 0), "dup2");
			check(dup2(fd, 1), "dup2");
			execlp("cat", "cat", (char *)NULL);
			check(-1, "exec");
		}
		close(fd);
	}
}
