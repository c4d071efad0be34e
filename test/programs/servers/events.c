/* events.c - servers of threads and of event loops. */
#define _GNU_SOURCE
#include "servers.h"
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { WORKERS = 3, LINE = 512 };

static void *talk_thread(void *fd)
{
	talk((int)(intptr_t)fd);
	return NULL;
}

/* threads: one for each connection. */
void threads(void)
{
	int fd, port = 0, listening = listener(0, 0, &port);
	pthread_t thread;

	announce(port);
	for (;;) {
		fd = check(accept(listening, NULL, NULL), "accept");
		if ((errno = pthread_create(&thread, NULL, talk_thread, (void *)(intptr_t)fd)) != 0)
			check(-1, "pthread_create");
		pthread_detach(thread);
	}
}

/* connection is what an event loop knows of one. */
struct connection {
	int fd;
	size_t have;
	char line[LINE];
};

static void forget(struct connection *c)
{
	check(close(c->fd), "close"); /* takes it out of the epoll set */
	free(c);
}

/* readable reads until there is nothing more, as edges demand. */
static void readable(struct connection *c)
{
	char reply[1024], *end;
	ssize_t n;
	size_t len;

	for (;;) {
		n = read(c->fd, c->line + c->have, LINE - c->have);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n <= 0) {
			forget(c);
			return;
		}
		c->have += n;
		while ((end = memchr(c->line, '\n', c->have)) != NULL) {
			len = end + 1 - c->line;
			n = answer(c->fd, c->line, len, reply, sizeof reply);
			if (write(c->fd, reply, n) != n) /* short enough for any buffer */
				check(-1, "write");
			memmove(c->line, c->line + len, c->have -= len);
		}
	}
}

static void acceptable(int set, int listening)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};
	struct connection *c;
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd == -1 && (errno == EAGAIN || errno == ECONNABORTED))
		return; /* another worker was faster */
	check(fd, "accept");
	if ((c = calloc(1, sizeof *c)) == NULL)
		check(-1, "calloc");
	c->fd = fd;
	event.data.ptr = c;
	check(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void loop(int listening)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE}, events[16];
	int i, n, set = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");

	check(epoll_ctl(set, EPOLL_CTL_ADD, listening, &event), "epoll_ctl"); /* data.ptr is NULL */
	for (;;) {
		n = check(epoll_wait(set, events, 16, -1), "epoll_wait");
		for (i = 0; i < n; i++)
			if (events[i].data.ptr == NULL)
				acceptable(set, listening);
			else
				readable(events[i].data.ptr);
	}
}

/* epoll-workers: processes, each with a set of its own, share a listener. */
void epoll_workers(void)
{
	int i, port = 0, fd = listener(SOCK_NONBLOCK, 0, &port);

	for (i = 1; i < WORKERS; i++)
		if (spawn() == 0)
			loop(fd);
	announce(port);
	loop(fd);
}

static void *loop_thread(void *fd)
{
	loop((int)(intptr_t)fd);
	return NULL;
}

/* epoll-threads: the same with threads. */
void epoll_threads(void)
{
	int i, port = 0, fd = listener(SOCK_NONBLOCK, 0, &port);
	pthread_t thread;

	for (i = 1; i < WORKERS; i++)
		if ((errno = pthread_create(&thread, NULL, loop_thread, (void *)(intptr_t)fd)) != 0)
			check(-1, "pthread_create");
	announce(port);
	loop(fd);
}
