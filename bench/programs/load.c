/* load.c - the load on servers: always the same, whatever the server is.
 *
 *	load [-m mode] [-t threads] [-n count] [-l length] [-r] [-c ca.pem] address port name
 *
 * Modes: connect (count connections that each get length bytes), get and put
 * (one connection per thread that moves length bytes), ping (count messages of
 * length bytes there and back), hop (the same with a process beside it, the
 * server is not used), hold (count connections, kept until standard input
 * ends). -r resumes sessions. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "link.h"

#define CHUNK (256 << 10)

static struct link_peer peer;
static long long length;
static int count, resume_sessions;
static atomic_int left, resumed;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	_exit(1); /* other threads are inside OpenSSL, which exit would take down */
}

static void ask(struct link *l, const char *method, int minor, void **session)
{
	char text[256];
	int n = snprintf(text, sizeof text, "%s /%lld HTTP/1.%d\r\nHost: %s\r\n\r\n", method, length, minor, peer.name);

	if (link_dial(l, &peer, session) == -1)
		fail("connect");
	if (l->resumed)
		resumed++;
	if (link_write_all(l, text, n) == -1)
		fail("write");
}

/* Reads an answer's header and its body of want bytes. */
static void answered(struct link *l, char *buf, long long want, int to_end)
{
	long long total = 0, header = 0;
	char *end;
	ssize_t n;

	while (header == 0 || total < header + want || to_end) {
		if ((n = link_read(l, buf, CHUNK)) == 0 && to_end)
			break;
		if (n <= 0)
			fail("read");
		if (total == 0) {
			if ((end = memmem(buf, n, "\r\n\r\n", 4)) == NULL)
				fail("not an answer");
			header = end + 4 - buf;
		}
		total += n;
	}
	if (total != header + want) {
		errno = EPROTO;
		fail("an answer of another length");
	}
}

static char *space(void)
{
	char *buf = calloc(1, CHUNK);

	if (buf == NULL)
		fail("calloc");
	return buf;
}

static void *connects(void *unused)
{
	char *buf = space();
	void *session = NULL, **keep = resume_sessions ? &session : NULL;
	struct link l;

	while (left-- > 0) {
		ask(&l, "GET", 0, keep);
		answered(&l, buf, length, 1);
		link_close(&l, keep);
	}
	free(buf);
	return unused;
}

static void *get(void *unused)
{
	char *buf = space();
	struct link l;

	ask(&l, "GET", 0, NULL);
	answered(&l, buf, length, 1);
	link_close(&l, NULL);
	free(buf);
	return unused;
}

static void *put(void *unused)
{
	char *buf = space();
	long long to_go;
	struct link l;

	ask(&l, "PUT", 0, NULL);
	for (to_go = length; to_go > 0; to_go -= CHUNK) {
		if (link_write_all(&l, buf, to_go < CHUNK ? to_go : CHUNK) == -1)
			fail("write");
	}
	answered(&l, buf, 0, 1);
	link_close(&l, NULL);
	free(buf);
	return unused;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Starts a process that returns what it gets, over an AF_UNIX stream. */
static int mirror(void)
{
	char text[4096];
	int pair[2];
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		fail("socketpair");
	switch (fork()) {
	case -1:
		fail("fork");
		break;
	case 0:
		close(pair[0]);
		while ((n = read(pair[1], text, sizeof text)) > 0 && write(pair[1], text, n) == n)
			;
		_exit(0);
	}
	close(pair[1]);
	return pair[0];
}

/* Messages there and back: to the server, or (hop) to a process beside this one. */
static void ping(int hop)
{
	double *took = calloc(count, sizeof *took), start;
	char *buf = space();
	long long have;
	struct link l;
	ssize_t n;
	int i;

	if (took == NULL)
		fail("calloc");
	if (hop)
		l.fd = mirror();
	else
		ask(&l, "ECHO", 0, NULL);
	for (i = -count / 10; i < count; i++) { /* the first tenth warms up */
		start = now();
		if (hop ? write(l.fd, buf, length) != length : link_write_all(&l, buf, length) == -1)
			fail("write");
		for (have = 0; have < length; have += n) {
			if ((n = hop ? read(l.fd, buf, length - have) : link_read(&l, buf, length - have)) <= 0)
				fail("read");
		}
		if (i >= 0)
			took[i] = now() - start;
	}
	if (hop)
		close(l.fd);
	else
		link_close(&l, NULL);
	qsort(took, count, sizeof *took, ascending);
	printf("{\"p50_us\": %.3f, \"p99_us\": %.3f}\n", took[count / 2] * 1e6, took[(int)(count * 0.99)] * 1e6);
	free(took);
	free(buf);
}

static void hold(void)
{
	struct link *l = calloc(count, sizeof *l);
	struct rlimit files;
	char *buf = space();
	double start = now();
	int i;

	if (l == NULL || getrlimit(RLIMIT_NOFILE, &files) == -1)
		fail("hold");
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (i = 0; i < count; i++) {
		ask(&l[i], "GET", 1, NULL);
		answered(&l[i], buf, length, 0);
	}
	printf("{\"seconds\": %.6f}\n", now() - start);
	fflush(stdout);
	while (read(STDIN_FILENO, buf, 1) > 0)
		;
	for (i = 0; i < count; i++)
		link_close(&l[i], NULL);
}

static void together(void *(*work)(void *), int threads)
{
	pthread_t *ids = calloc(threads, sizeof *ids);
	double start = now();
	int i;

	if (ids == NULL)
		fail("calloc");
	left = count;
	for (i = 0; i < threads; i++) {
		if (pthread_create(&ids[i], NULL, work, NULL) != 0)
			fail("pthread_create");
	}
	for (i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("{\"seconds\": %.6f, \"resumed\": %d}\n", now() - start, (int)resumed);
	free(ids);
}

int main(int argc, char **argv)
{
	const char *mode = "connect";
	int opt, threads = 1;

	count = 1;
	while ((opt = getopt(argc, argv, "m:t:n:l:rc:")) != -1) {
		switch (opt) {
		case 'm':
			mode = optarg;
			break;
		case 't':
			threads = atoi(optarg);
			break;
		case 'n':
			count = atoi(optarg);
			break;
		case 'l':
			length = atoll(optarg);
			break;
		case 'r':
			peer.resume = resume_sessions = 1;
			break;
		case 'c':
			peer.ca = optarg;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 3 || threads < 1 || count < 1) {
		fprintf(stderr, "usage: load [-m connect|get|put|ping|hop|hold] [-t threads] [-n count] [-l length] [-r] [-c ca.pem] address port name\n");
		return 2;
	}
	peer.address = argv[optind];
	peer.port = argv[optind + 1];
	peer.name = argv[optind + 2];
	signal(SIGPIPE, SIG_IGN);
	link_client(&peer);
	if (strcmp(mode, "connect") == 0)
		together(connects, threads);
	else if (strcmp(mode, "get") == 0)
		together(get, threads);
	else if (strcmp(mode, "put") == 0)
		together(put, threads);
	else if (strcmp(mode, "ping") == 0)
		ping(0);
	else if (strcmp(mode, "hop") == 0)
		ping(1);
	else if (strcmp(mode, "hold") == 0)
		hold();
	else
		return 2;
	return 0;
}
