/* Many connections, and a small netcat. */
#include "trace.h"

static void many(void)
{
	int good = 0;
	for (int i = 0; i < cfg.bytes; i++) {
		char c = 0;
		int fd = connected();
		if (write(fd, "x", 1) == 1 && read(fd, &c, 1) == 1 && c == 'x')
			good++;
		close(fd);
	}
	say("%d connections", good);
}

static void many_at_once(void)
{
	static struct pollfd p[1000];
	struct sockaddr_storage a;
	int good = 0;
	for (int i = 0; i < cfg.bytes; i++) {
		p[i].fd = new_socket();
		p[i].events = POLLOUT;
		set_nonblocking(p[i].fd);
		socklen_t len = peer_address(&a);
		if (connect(p[i].fd, (struct sockaddr *)&a, len) < 0 && errno != EINPROGRESS)
			result("connect", -1);
	}
	for (int i = 0; i < cfg.bytes; i++) {
		poll(&p[i], 1, -1);
		char c = 0;
		fcntl(p[i].fd, F_SETFL, 0);
		if (write(p[i].fd, "x", 1) == 1 && read(p[i].fd, &c, 1) == 1 && c == 'x')
			good++;
		close(p[i].fd);
	}
	say("%d connections", good);
}

/* nc: standard input to the socket, the socket to standard output. */
static void pipe_through(void)
{
	char buffer[4096];
	ssize_t n;
	int fd = connected();
	while ((n = read(0, buffer, sizeof buffer)) > 0)
		if (write(fd, buffer, n) != n)
			die("write");
	shutdown(fd, SHUT_WR);
	while ((n = read(fd, buffer, sizeof buffer)) > 0)
		if (write(1, buffer, n) != n)
			die("write");
	if (n < 0)
		die("read");
	close(fd);
}

const struct scenario crowd_scenarios[] = {
	{ "many", many },
	{ "many-at-once", many_at_once },
	{ "pipe", pipe_through },
	{ NULL, NULL },
};
