/* calls.c - what system calls on plain TCP sockets cost, in nanoseconds.
 *
 *	calls count
 *
 * Runs natively or under `ssa run`, and prints one line of JSON: the time of
 * one call, of the quickest of several batches: what disturbs only adds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "link.h"

#define BATCHES 9
#define MESSAGE 64

static struct sockaddr_in self;
static int listener, conn, peer;
static char message[MESSAGE];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void call_getpid(void)
{
	syscall(SYS_getpid);
}

static void call_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1)
		die("socket");
	close(fd);
}

static void call_getsockopt(void)
{
	int value;
	socklen_t len = sizeof value;

	if (getsockopt(conn, SOL_SOCKET, SO_ERROR, &value, &len) == -1)
		die("getsockopt");
}

static void call_setsockopt(void)
{
	int on = 1;

	if (setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
		die("setsockopt");
}

static void call_transfer(void)
{
	if (write(conn, message, MESSAGE) != MESSAGE || read(peer, message, MESSAGE) != MESSAGE)
		die("transfer");
}

/* socket, connect, accept and two closes; reset, so that no port stays taken. */
static void call_connect(void)
{
	struct linger at_once = {1, 0};
	int fd = socket(AF_INET, SOCK_STREAM, 0), other;

	if (fd == -1 || connect(fd, (struct sockaddr *)&self, sizeof self) == -1)
		die("connect");
	if ((other = accept(listener, NULL, NULL)) == -1)
		die("accept");
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == -1)
		die("setsockopt");
	close(fd);
	close(other);
}

static void prepare(void)
{
	socklen_t len = sizeof self;

	self.sin_family = AF_INET;
	self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener == -1 || bind(listener, (struct sockaddr *)&self, sizeof self) == -1 || listen(listener, 16) == -1 ||
	    getsockname(listener, (struct sockaddr *)&self, &len) == -1)
		die("listen");
	conn = socket(AF_INET, SOCK_STREAM, 0);
	if (conn == -1 || connect(conn, (struct sockaddr *)&self, sizeof self) == -1 ||
	    (peer = accept(listener, NULL, NULL)) == -1)
		die("connect");
}

static double quickest(void (*call)(void), int count)
{
	double best = 0, took, start;
	int i, j;

	for (i = 0; i < BATCHES; i++) {
		start = now();
		for (j = 0; j < count; j++)
			call();
		took = (now() - start) / count;
		if (i == 0 || took < best)
			best = took;
	}
	return best;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*call)(void);
		int share; /* of count: slow calls are made less often */
	} calls[] = {
		{"getpid", call_getpid, 1}, {"socket+close", call_socket, 4}, {"getsockopt", call_getsockopt, 4},
		{"setsockopt", call_setsockopt, 4}, {"write+read", call_transfer, 2}, {"socket+connect+accept+close", call_connect, 10},
	};
	size_t i;
	int count;

	if (argc != 2 || (count = atoi(argv[1])) < 10) {
		fprintf(stderr, "usage: calls count\n");
		return 2;
	}
	prepare();
	printf("{");
	for (i = 0; i < sizeof calls / sizeof *calls; i++)
		printf("%s\"%s\": %.1f", i ? ", " : "", calls[i].name, quickest(calls[i].call, count / calls[i].share));
	printf("}\n");
	return 0;
}
