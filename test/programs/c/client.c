/* Clients: connect in all its ways, and how connections end. */
#include "trace.h"

static int try_connect(int fd, int port)
{
	struct sockaddr_storage a;
	socklen_t len = loopback(&a, port);
	return result("connect", connect(fd, (struct sockaddr *)&a, len));
}

static void blocking(void)
{
	char buffer[64];
	int fd = new_socket();
	try_connect(fd, cfg.port);
	result("write", write(fd, "hello", 5));
	show_data("read", recv(fd, buffer, 5, MSG_WAITALL), buffer);
	result("shutdown", shutdown(fd, SHUT_WR));
	result("read", read(fd, buffer, sizeof buffer));
	result("read again", read(fd, buffer, sizeof buffer));
	result("close", close(fd));
}

/* The peer does not answer until it is told to, so every answer in between is
 * that of a connection on its way. */
static void nonblocking(void)
{
	struct pollfd p;
	char buffer[64];
	int fd = new_socket();
	set_nonblocking(fd);
	show_poll("fresh", fd, POLLIN | POLLOUT, 0);
	try_connect(fd, cfg.port);
	show_poll("connecting", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	try_connect(fd, cfg.port);
	show_so_error(fd);
	sync_with("connecting");
	p.fd = fd;
	p.events = POLLOUT;
	result("poll", poll(&p, 1, -1));
	show_poll("connected", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	show_so_error(fd);
	result("read", read(fd, buffer, sizeof buffer));
	result("write", write(fd, "ping", 4));
	p.events = POLLIN;
	result("poll", poll(&p, 1, -1));
	show_data("read", read(fd, buffer, sizeof buffer), buffer);
	result("close", close(fd));
}

static void connect_again(void)
{
	int fd = new_socket();
	try_connect(fd, cfg.port);
	try_connect(fd, cfg.port);
	try_connect(fd, cfg.other);
	close(fd);
}

static void connect_again_nonblocking(void)
{
	int fd = new_socket();
	set_nonblocking(fd);
	try_connect(fd, cfg.port);
	try_connect(fd, cfg.port);
	sync_with("connecting");
	show_poll("waited", fd, POLLOUT, -1);
	try_connect(fd, cfg.port); /* Linux answers the first one with success */
	try_connect(fd, cfg.port);
	close(fd);
}

static void blocking_after_nonblocking(void)
{
	int fd = new_socket();
	int flags = fcntl(fd, F_GETFL);
	set_nonblocking(fd);
	try_connect(fd, cfg.port);
	fcntl(fd, F_SETFL, flags);
	note("connecting");
	try_connect(fd, cfg.port); /* joins the one under way */
	result("write", write(fd, "x", 1));
	close(fd);
}

static void refused(void)
{
	int fd = new_socket();
	try_connect(fd, cfg.other);
	show_so_error(fd);
	show_poll("refused", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	try_connect(fd, cfg.port); /* the same socket may try again */
	result("write", write(fd, "x", 1));
	close(fd);
}

static void refused_nonblocking(void)
{
	int fd = new_socket();
	set_nonblocking(fd);
	try_connect(fd, cfg.other);
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
	do /* all that is to be seen comes at once over TCP, and within an instant over TLS */
		poll(&p, 1, -1);
	while (!(p.revents & POLLOUT) || !(p.revents & POLLERR));
	show_poll("waited", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	show_so_error(fd);
	show_so_error(fd);
	show_poll("told", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	close(fd);
}

static void close_while_connecting(void)
{
	int fd = new_socket();
	set_nonblocking(fd);
	try_connect(fd, cfg.port);
	result("close", close(fd));
	fd = connected();
	result("write", write(fd, "x", 1));
	close(fd);
}

static void half_close(void)
{
	char buffer[64];
	int fd = connected();
	result("write", write(fd, "question", 8));
	result("shutdown", shutdown(fd, SHUT_WR));
	result("write", send(fd, "x", 1, MSG_NOSIGNAL));
	show_poll("half closed", fd, POLLOUT | POLLRDHUP, 0);
	note("looked");
	show_data("read", recv(fd, buffer, 6, MSG_WAITALL), buffer);
	result("read", read(fd, buffer, sizeof buffer));
	show_poll("both closed", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	result("shutdown again", shutdown(fd, SHUT_WR));
	close(fd);
}

static void half_close_by_peer(void)
{
	char buffer[64];
	int fd = connected();
	show_poll("waited", fd, POLLRDHUP, -1);
	show_poll("half closed by the peer", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	show_data("read", read(fd, buffer, sizeof buffer), buffer);
	result("read", read(fd, buffer, sizeof buffer));
	result("write", write(fd, "still", 5));
	sync_with("wrote");
	result("write", write(fd, "here", 4));
	result("shutdown", shutdown(fd, SHUT_WR));
	show_poll("both closed", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	close(fd);
}

static void shutdown_read(void)
{
	char buffer[64];
	int fd = connected();
	result("shutdown", shutdown(fd, SHUT_RD));
	result("read", read(fd, buffer, sizeof buffer));
	result("write", write(fd, "still writing", 13));
	result("shutdown", shutdown(fd, SHUT_RDWR));
	result("write", send(fd, "x", 1, MSG_NOSIGNAL));
	close(fd);
}

static void shutdown_bad(void)
{
	int fd = new_socket();
	result("shutdown, fresh", shutdown(fd, SHUT_WR));
	result("shutdown, fresh", shutdown(fd, SHUT_RDWR));
	close(fd);
	fd = new_socket();
	try_connect(fd, cfg.port);
	result("shutdown, no such way", shutdown(fd, 7));
	result("write", write(fd, "x", 1));
	close(fd);
}

static void reset(void)
{
	char buffer[64];
	int fd = connected();
	show_data("read", recv(fd, buffer, 4, MSG_WAITALL), buffer);
	note("reset");
	show_poll("waited", fd, 0, -1);
	show_poll("reset", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	result("read", read(fd, buffer, sizeof buffer));
	result("read again", read(fd, buffer, sizeof buffer));
	result("write", send(fd, "x", 1, MSG_NOSIGNAL));
	show_poll("after", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
	close(fd);
}

/* What it has not read does not keep a program from seeing a reset. */
static void reset_unread(void)
{
	char buffer[8];
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int fd = connected();
	show_poll("waited", fd, POLLIN, -1);
	note("reset");
	show_poll("reset", fd, 0, -1);
	show_data("read", read(fd, buffer, sizeof buffer), buffer);
	result("read", read(fd, buffer, sizeof buffer));
	result("write", send(fd, "x", 1, MSG_NOSIGNAL));
	result("read", read(fd, buffer, sizeof buffer));
	result("getpeername", getpeername(fd, (struct sockaddr *)&a, &len));
	close(fd);
}

static void reset_write_first(void)
{
	int fd = connected();
	note("reset");
	show_poll("reset", fd, 0, -1);
	result("write", send(fd, "x", 1, MSG_NOSIGNAL));
	result("write", send(fd, "x", 1, MSG_NOSIGNAL));
	close(fd);
}

static void reset_so_error(void)
{
	char buffer[8];
	int fd = connected();
	note("reset");
	show_poll("waited", fd, 0, -1);
	show_so_error(fd);
	show_so_error(fd);
	result("read", read(fd, buffer, sizeof buffer));
	close(fd);
}

static void peer_gone(void)
{
	long n;
	int fd = connected();
	signal(SIGPIPE, SIG_IGN);
	show_poll("waited", fd, POLLRDHUP, -1);
	while ((n = write(fd, "more", 4)) > 0)
		poll(NULL, 0, 1);
	result("write to a peer that is gone", n);
	result("read", read(fd, &n, 1));
	close(fd);
}

static void unread_at_close(void)
{
	int fd = connected();
	show_poll("waited", fd, POLLIN, -1);
	result("close with unread bytes", close(fd));
	sync_with("closed");
}

const struct scenario client_scenarios[] = {
	{ "blocking", blocking },
	{ "nonblocking", nonblocking },
	{ "connect-again", connect_again },
	{ "connect-again-nonblocking", connect_again_nonblocking },
	{ "blocking-after-nonblocking", blocking_after_nonblocking },
	{ "refused", refused },
	{ "refused-nonblocking", refused_nonblocking },
	{ "close-while-connecting", close_while_connecting },
	{ "half-close", half_close },
	{ "half-close-by-peer", half_close_by_peer },
	{ "shutdown-read", shutdown_read },
	{ "shutdown-bad", shutdown_bad },
	{ "reset", reset },
	{ "reset-unread", reset_unread },
	{ "reset-write-first", reset_write_first },
	{ "reset-so-error", reset_so_error },
	{ "peer-gone", peer_gone },
	{ "unread-at-close", unread_at_close },
	{ NULL, NULL },
};
