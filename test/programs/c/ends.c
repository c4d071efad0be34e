/* How a connection ends as the program sees it. */
#include "trace.h"

static void read_end(void)
{
	int fd = connected();
	drain("read", fd);
	close(fd);
}

static void read_end_half_closed(void)
{
	int fd = connected();
	result("write", write(fd, "question", 8));
	result("shutdown", shutdown(fd, SHUT_WR));
	note("half closed");
	drain("read", fd);
	close(fd);
}

/* A slow reader: everything is there, and the end after it, before it looks. */
static void read_end_late(void)
{
	int fd = connected();
	sync_with("connected");
	drain("read", fd);
	close(fd);
}

static void read_end_poll(void)
{
	char c;
	int fd = connected();
	set_nonblocking(fd);
	while (show_poll("waited", fd, POLLIN, -1) & POLLIN) {
		long n = read(fd, &c, 1);
		result("read", n);
		if (n <= 0)
			break;
	}
	show_so_error(fd);
	close(fd);
}

static void server_end(void)
{
	int fd = new_listener();
	int c = accept(fd, NULL, NULL);
	drain("read", c);
	close(c);
	close(fd);
}

/* Its client has ended its half by now, and waits. */
static void answer_late(void)
{
	static char answer[100000];
	char question[8];
	int fd = new_listener();
	int c = accept(fd, NULL, NULL);
	result("read", recv(c, question, sizeof question, MSG_WAITALL));
	sync_with("asked");
	result("write", send(c, answer, sizeof answer, MSG_NOSIGNAL));
	close(c);
	close(fd);
}

/* Flags of TCP that no TLS socket has, and what is sent beside them. */
static void refused_flags(void)
{
	int on = 1;
	struct iovec text = { "abcX", 4 };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &text, .msg_iovlen = 1 } };
	int fd = connected();
	result("send MSG_OOB", send(fd, "abcX", 4, MSG_OOB));
	result("sendmsg MSG_OOB", sendmsg(fd, &m.msg_hdr, MSG_OOB | MSG_NOSIGNAL));
	result("sendmmsg MSG_OOB", sendmmsg(fd, &m, 1, MSG_OOB));
	result("SO_ZEROCOPY", setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on));
	result("send MSG_ZEROCOPY", send(fd, "abcX", 4, MSG_ZEROCOPY));
	result("sendmsg MSG_ZEROCOPY", sendmsg(fd, &m.msg_hdr, MSG_ZEROCOPY));
	result("write", write(fd, "def", 3));
	result("shutdown", shutdown(fd, SHUT_WR));
	drain("read", fd);
	close(fd);
}

/* An echo server for any number of clients, one after the other, until killed. */
static void echo_server(void)
{
	static char buffer[65536];
	ssize_t n;
	int fd = new_listener();
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int c = accept(fd, NULL, NULL);
		if (c < 0)
			die("accept");
		while ((n = read(c, buffer, sizeof buffer)) > 0)
			if (write(c, buffer, n) != n)
				break;
		close(c);
	}
}

/* Enough of HTTP for curl. */
static void http_server(void)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
	char buffer[4096];
	int fd = new_listener();
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int c = accept(fd, NULL, NULL);
		if (c < 0)
			die("accept");
		if (read(c, buffer, sizeof buffer) > 0 && write(c, answer, sizeof answer - 1) < 0)
			say("write: %s", errno_name(errno));
		close(c);
	}
}

/* GET requests to real servers, fd=N of them, and how each ended. */
static void http_get(void (*show)(char *answer))
{
	static char buffer[65536];
	for (int i = 0; i < (cfg.fd > 0 ? cfg.fd : 1); i++) {
		long total = 0;
		ssize_t n;
		int fd = connected();
		dprintf(fd, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", cfg.name);
		while ((n = read(fd, buffer + total, sizeof buffer - 1 - total)) > 0)
			total += n;
		buffer[total] = 0;
		show(buffer);
		result("read", n);
		close(fd);
	}
}

static void show_headers(char *answer)
{
	char *save, *end = strstr(answer, "\r\n\r\n");
	if (end)
		*end = 0;
	for (char *line = strtok_r(answer, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
		say("%s", line);
}

static void show_page(char *answer)
{
	char *page = strstr(answer, "\r\n\r\n");
	say("%s", page ? page + 4 : answer);
}

static void http_headers(void) { http_get(show_headers); }
static void http_page(void) { http_get(show_page); }

const struct scenario end_scenarios[] = {
	{ "read-end", read_end },
	{ "read-end-half-closed", read_end_half_closed },
	{ "read-end-late", read_end_late },
	{ "read-end-poll", read_end_poll },
	{ "server-end", server_end },
	{ "answer-late", answer_late },
	{ "refused-flags", refused_flags },
	{ "echo-server", echo_server },
	{ "http-server", http_server },
	{ "http-headers", http_headers },
	{ "http-page", http_page },
	{ NULL, NULL },
};
