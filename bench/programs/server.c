/* server.c - an epoll server in one thread.
 *
 *	server address port chain.pem key.pem
 *
 * It prints its port and answers three kinds of request, each with a header
 * that ends in an empty line:
 *
 *	GET /N      answers with N bytes
 *	PUT /N      takes N bytes, then answers with none
 *	ECHO /      returns what follows, until the peer ends
 *
 * HTTP/1.0 ends the connection after the answer, HTTP/1.1 keeps it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "link.h"

enum state { HANDSHAKE, REQUEST, RECEIVE, SEND, ECHO, OVER };

#define CHUNK (64 << 10)

struct conn {
	struct link link;
	enum state state;
	unsigned waiting; /* the events asked of epoll */
	int keep;
	long long left;   /* bytes to send or receive */
	int have;         /* of the request, or of the answer's header */
	int sent;         /* of the answer's header */
	char text[256];
};

static char body[CHUNK + 256], scratch[CHUNK];
static int poller;

static void answer(struct conn *c, long long length)
{
	c->have = snprintf(c->text, sizeof c->text, "HTTP/1.%d 200 OK\r\nContent-Length: %lld\r\n\r\n", c->keep, length);
	c->sent = 0;
	c->left = length;
	c->state = SEND;
}

/* Reads a request's header. What was read beyond its empty line belongs to what
 * follows. */
static int request(struct conn *c)
{
	ssize_t n = link_read(&c->link, c->text + c->have, sizeof c->text - 1 - c->have);
	char method[8], *end;
	long long length;
	int minor, extra;

	if (n <= 0)
		return n == -1 && errno == EAGAIN ? 0 : -1;
	c->have += n;
	c->text[c->have] = '\0';
	if ((end = strstr(c->text, "\r\n\r\n")) == NULL)
		return c->have < (int)sizeof c->text - 1 ? 1 : -1;
	extra = c->have - (end + 4 - c->text);
	if (sscanf(c->text, "%7s /%lld HTTP/1.%d", method, &length, &minor) != 3 || length < 0)
		return -1;
	c->keep = minor > 0;
	if (strcmp(method, "GET") == 0 && extra == 0) {
		answer(c, length);
	} else if (strcmp(method, "PUT") == 0 && extra <= length) {
		c->left = length - extra;
		c->state = RECEIVE;
		if (c->left == 0)
			answer(c, 0);
	} else if (strcmp(method, "ECHO") == 0) {
		c->state = ECHO;
		if (extra > 0 && link_write(&c->link, end + 4, extra) != extra)
			return -1;
	} else {
		return -1;
	}
	return 1;
}

/* Header and body go out together, as writev(2) would send them. */
static int transmit(struct conn *c)
{
	int head = c->have - c->sent;
	long long part = c->left < CHUNK ? c->left : CHUNK;
	const char *from = body + 256;
	ssize_t n;

	if (head > 0) {
		from = body + 256 - head;
		memcpy(body + 256 - head, c->text + c->sent, head);
	}
	if (head + part > 0) {
		if ((n = link_write(&c->link, from, head + part)) == -1)
			return errno == EAGAIN ? 0 : -1;
		c->sent += n < head ? n : head;
		c->left -= n < head ? 0 : n - head;
	}
	if (c->sent == c->have && c->left == 0) {
		c->have = 0;
		c->state = c->keep ? REQUEST : OVER;
	}
	return 1;
}

static int receive(struct conn *c)
{
	ssize_t n = link_read(&c->link, scratch, sizeof scratch);

	if (n <= 0)
		return n == -1 && errno == EAGAIN ? 0 : -1;
	c->left -= n;
	if (c->left < 0)
		return -1;
	if (c->left == 0)
		answer(c, 0);
	return 1;
}

static int echo(struct conn *c)
{
	ssize_t n = link_read(&c->link, scratch, sizeof scratch);

	if (n <= 0)
		return n == -1 && errno == EAGAIN ? 0 : -1;
	return link_write(&c->link, scratch, n) == n ? 1 : -1;
}

/* Does one step: 1 to go on, 0 to wait, -1 to end. */
static int step(struct conn *c)
{
	int rc;

	switch (c->state) {
	case HANDSHAKE:
		if ((rc = link_ready(&c->link)) == 1)
			c->state = REQUEST;
		return rc;
	case REQUEST:
		return request(c);
	case RECEIVE:
		return receive(c);
	case SEND:
		return transmit(c);
	case ECHO:
		return echo(c);
	default:
		return -1;
	}
}

static void drive(struct conn *c)
{
	struct epoll_event ev;
	int rc, turns = 0;

	while ((rc = step(c)) == 1 && turns++ < 64)
		;
	if (rc == -1 || c->state == OVER) {
		link_close(&c->link, NULL);
		free(c);
		return;
	}
	/* After 64 steps others get their turn; level-triggered epoll comes back.
	 * OpenSSL holds nothing back then: scratch takes a whole record. */
	ev.events = c->state == SEND ? EPOLLOUT : EPOLLIN;
	ev.data.ptr = c;
	if (ev.events != c->waiting && epoll_ctl(poller, EPOLL_CTL_MOD, c->link.fd, &ev) == -1)
		die("epoll_ctl");
	c->waiting = ev.events;
}

static void welcome(int listener)
{
	struct epoll_event ev;
	struct conn *c;
	struct link l;

	while (link_accept(listener, &l) == 1) {
		if ((c = calloc(1, sizeof *c)) == NULL)
			die("calloc");
		c->link = l;
		ev.events = c->waiting = EPOLLIN;
		ev.data.ptr = c;
		if (epoll_ctl(poller, EPOLL_CTL_ADD, l.fd, &ev) == -1)
			die("epoll_ctl");
		drive(c);
	}
	if (errno == EMFILE || errno == ENFILE || errno == EBADF || errno == EINVAL)
		die("accept");
}

int main(int argc, char **argv)
{
	struct epoll_event ev, events[256];
	struct rlimit files;
	int listener, i, n;

	if (argc != 5) {
		fprintf(stderr, "usage: server address port chain.pem key.pem\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	listener = link_listen(argv[1], argv[2], argv[3], argv[4]);
	if ((poller = epoll_create1(EPOLL_CLOEXEC)) == -1)
		die("epoll_create1");
	ev.events = EPOLLIN;
	ev.data.ptr = NULL;
	if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &ev) == -1)
		die("epoll_ctl");
	for (;;) {
		if ((n = epoll_wait(poller, events, 256, -1)) == -1 && errno != EINTR)
			die("epoll_wait");
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				welcome(listener);
			else
				drive(events[i].data.ptr);
		}
	}
}
