/* Waiting with select and epoll; poll is in client.c. */
#include "trace.h"
#include <sys/epoll.h>
#include <sys/select.h>

static void show_events(const char *when, int n, const struct epoll_event *e)
{
	static const struct { unsigned bit; const char *name; } bits[] = {
		{ EPOLLIN, "IN" }, { EPOLLOUT, "OUT" }, { EPOLLERR, "ERR" }, { EPOLLHUP, "HUP" }, { EPOLLRDHUP, "RDHUP" },
	};
	char names[64] = "";
	for (size_t i = 0; n > 0 && i < sizeof bits / sizeof bits[0]; i++)
		if (e->events & bits[i].bit) {
			if (*names)
				strcat(names, "|");
			strcat(names, bits[i].name);
		}
	say("epoll, %s: %d %s", when, n, n > 0 ? names : "silent");
}

static void wait_epoll(int ep, const char *when, int timeout)
{
	struct epoll_event e = { 0 };
	int n = epoll_wait(ep, &e, 1, timeout);
	show_events(when, n, &e);
}

static int watch(int fd, unsigned events)
{
	struct epoll_event e = { .events = events };
	int ep = epoll_create1(0);
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll");
	return ep;
}

static void start_connect(int fd, int port)
{
	struct sockaddr_storage a;
	socklen_t len = loopback(&a, port);
	set_nonblocking(fd);
	result("connect", connect(fd, (struct sockaddr *)&a, len));
}

/* Registered before connect, as libevent and others do. */
static void epoll_before_connect(unsigned edge)
{
	char buffer[16];
	int fd = new_socket();
	int ep = watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | edge);
	wait_epoll(ep, "fresh", 0);
	start_connect(fd, cfg.port);
	wait_epoll(ep, "connecting", 0);
	sync_with("connecting");
	wait_epoll(ep, "connected", -1);
	show_so_error(fd);
	result("write", write(fd, "ping", 4));
	/* Level-triggered, OUT alone would end the wait at once. */
	show_poll("answer", fd, POLLIN, -1);
	wait_epoll(ep, "answer", 0);
	show_data("read", read(fd, buffer, sizeof buffer), buffer);
	result("read", read(fd, buffer, sizeof buffer));
	sync_with("finish");
	show_poll("end", fd, POLLRDHUP, -1);
	wait_epoll(ep, "end", 0);
	close(fd);
	wait_epoll(ep, "closed", 0);
}

static void epoll_level(void) { epoll_before_connect(0); }
static void epoll_edge(void) { epoll_before_connect(EPOLLET); }

static void epoll_while_connecting(void)
{
	int fd = new_socket();
	start_connect(fd, cfg.port);
	int ep = watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	wait_epoll(ep, "connecting", 0);
	sync_with("connecting");
	wait_epoll(ep, "connected", -1);
	show_so_error(fd);
	result("write", write(fd, "x", 1));
	close(fd);
}

static void epoll_refused(void)
{
	int fd = new_socket();
	int ep = watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	wait_epoll(ep, "fresh", 0);
	start_connect(fd, cfg.other);
	wait_epoll(ep, "refused", -1);
	show_so_error(fd);
	close(fd);
}

/* An edge-triggered writer: it fills the buffers and goes on at each edge. */
static void epoll_edge_writer(void)
{
	static unsigned char block[16384];
	struct stream s = { 0 };
	long filled = 0;
	int fd = connected();
	set_nonblocking(fd);
	int ep = watch(fd, EPOLLOUT | EPOLLET);
	while (s.total < cfg.bytes || filled) {
		struct epoll_event e;
		if (!filled) {
			stream_fill(&s, block, sizeof block);
			filled = sizeof block;
		}
		ssize_t n = write(fd, block + sizeof block - filled, filled);
		if (n > 0)
			filled -= n;
		else if (errno != EAGAIN)
			die("write");
		else if (epoll_wait(ep, &e, 1, -1) < 0)
			die("epoll_wait");
	}
	say("wrote %ld bytes, checksum %016llx", s.total, s.sum);
	result("shutdown", shutdown(fd, SHUT_WR));
	fcntl(fd, F_SETFL, 0);
	drain("read", fd);
	close(fd);
}

static void epoll_oneshot(void)
{
	char buffer[16];
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };
	int fd = connected();
	int ep = watch(fd, EPOLLIN | EPOLLONESHOT);
	result("write", write(fd, "ping", 4));
	wait_epoll(ep, "answer", -1);
	wait_epoll(ep, "answer, again", 0);
	result("epoll_ctl", epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e));
	wait_epoll(ep, "armed again", -1);
	show_data("read", read(fd, buffer, sizeof buffer), buffer);
	close(fd);
}

static void epoll_listener(unsigned edge)
{
	int fd = new_listener();
	set_nonblocking(fd);
	int ep = watch(fd, EPOLLIN | edge);
	wait_epoll(ep, "nobody", 0);
	result("accept", accept(fd, NULL, NULL));
	sync_with("come");
	wait_epoll(ep, "somebody", -1);
	int c = accept(fd, NULL, NULL);
	say("accept %s", c >= 0 ? "gave a connection" : errno_name(errno));
	drain("read", c);
	result("accept", accept(fd, NULL, NULL));
	close(c);
	close(fd);
}

static void epoll_listener_level(void) { epoll_listener(0); }
static void epoll_listener_edge(void) { epoll_listener(EPOLLET); }

static void show_select(const char *when, int fd, int timeout)
{
	struct timeval tv = { .tv_sec = 0 };
	fd_set r, w, e;
	FD_ZERO(&r); FD_ZERO(&w); FD_ZERO(&e);
	FD_SET(fd, &r); FD_SET(fd, &w); FD_SET(fd, &e);
	int n = select(fd + 1, &r, &w, &e, timeout ? NULL : &tv);
	say("select, %s: %d%s%s%s", when, n, FD_ISSET(fd, &r) ? " readable" : "",
	    FD_ISSET(fd, &w) ? " writable" : "", FD_ISSET(fd, &e) ? " exceptional" : "");
}

static void select_all(void)
{
	char buffer[16];
	int fd = new_socket();
	show_select("fresh", fd, 0);
	start_connect(fd, cfg.port);
	show_select("connecting", fd, 0);
	sync_with("connecting");
	show_select("connected", fd, 1);
	show_so_error(fd);
	result("write", write(fd, "ping", 4));
	show_poll("answer", fd, POLLIN, -1);
	show_select("answer", fd, 1);
	show_data("read", read(fd, buffer, sizeof buffer), buffer);
	sync_with("finish");
	show_poll("end", fd, POLLRDHUP, -1);
	show_select("end", fd, 1);
	close(fd);
}

const struct scenario event_scenarios[] = {
	{ "select", select_all },
	{ "epoll-level", epoll_level },
	{ "epoll-edge", epoll_edge },
	{ "epoll-while-connecting", epoll_while_connecting },
	{ "epoll-refused", epoll_refused },
	{ "epoll-edge-writer", epoll_edge_writer },
	{ "epoll-oneshot", epoll_oneshot },
	{ "epoll-listener-level", epoll_listener_level },
	{ "epoll-listener-edge", epoll_listener_edge },
	{ NULL, NULL },
};
