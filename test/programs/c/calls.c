/* The other ways to move bytes: flags, vectors, files, pipes. */
#include "trace.h"
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static void flags(void)
{
	char buffer[64];
	int fd = connected();
	result("recv MSG_DONTWAIT", recv(fd, buffer, 8, MSG_DONTWAIT));
	note("first");
	show_poll("waited", fd, POLLIN, -1);
	show_data("recv MSG_PEEK", recv(fd, buffer, 5, MSG_PEEK), buffer);
	show_data("recv MSG_PEEK", recv(fd, buffer, 2, MSG_PEEK), buffer);
	show_data("recv", recv(fd, buffer, 2, 0), buffer);
	show_data("recv MSG_PEEK|MSG_DONTWAIT", recv(fd, buffer, 64, MSG_PEEK | MSG_DONTWAIT), buffer);
	note("second");
	show_data("recv MSG_WAITALL", recv(fd, buffer, 7, MSG_WAITALL), buffer);
	result("recv MSG_DONTWAIT", recv(fd, buffer, 8, MSG_DONTWAIT));
	result("send MSG_MORE", send(fd, "a", 1, MSG_MORE));
	result("send MSG_DONTWAIT", send(fd, "b", 1, MSG_DONTWAIT));
	result("send MSG_NOSIGNAL", send(fd, "c", 1, MSG_NOSIGNAL));
	result("send, nothing", send(fd, "", 0, 0));
	show_data("recv", recv(fd, buffer, 4, MSG_WAITALL), buffer);
	/* WAITALL ends early at the end. */
	show_data("recv MSG_WAITALL", recv(fd, buffer, 64, MSG_WAITALL), buffer);
	result("recv MSG_PEEK at the end", recv(fd, buffer, 64, MSG_PEEK));
	close(fd);
}

static void vectors(void)
{
	char a[4] = "", b[8] = "";
	struct iovec out[3] = { { "one", 3 }, { "", 0 }, { "three", 5 } };
	struct iovec in[2] = { { a, 3 }, { b, 5 } };
	int fd = connected();
	result("writev", writev(fd, out, 3));
	show_poll("waited", fd, POLLIN, -1);
	sync_with("echoed");
	result("readv", readv(fd, in, 2));
	say("readv: \"%.3s\" \"%.5s\"", a, b);
	close(fd);
}

static void messages(void)
{
	char data[16] = "";
	struct sockaddr_storage from;
	char control[64];
	struct iovec v = { "message", 7 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	socklen_t len = sizeof from;
	int fd = connected();
	result("sendmsg", sendmsg(fd, &m, 0));
	v.iov_base = data;
	m.msg_name = &from;
	m.msg_namelen = sizeof from;
	m.msg_control = control;
	m.msg_controllen = sizeof control;
	show_data("recvmsg", recvmsg(fd, &m, MSG_WAITALL), data);
	say("recvmsg: name %d bytes, control %d bytes, flags %x", (int)m.msg_namelen, (int)m.msg_controllen, m.msg_flags);
	result("send", send(fd, "again", 5, 0));
	show_data("recvfrom", recvfrom(fd, data, 5, MSG_WAITALL, (struct sockaddr *)&from, &len), data);
	say("recvfrom: address %d bytes", (int)len);
	close(fd);
}

/* TCP ignores the address of a connected socket. */
static void sendto_address(void)
{
	struct sockaddr_storage a;
	char data[8];
	int fd = connected();
	result("sendto", sendto(fd, "hello", 5, MSG_NOSIGNAL, (struct sockaddr *)&a, peer_address(&a)));
	result("send", send(fd, "hello", 5, MSG_NOSIGNAL));
	show_data("recv", recv(fd, data, 5, MSG_WAITALL), data);
	close(fd);
}

static void mmsg(void)
{
	char a[4] = "", b[4] = "";
	struct iovec v[2] = { { "one", 3 }, { "two", 3 } };
	struct mmsghdr m[2] = { 0 };
	for (int i = 0; i < 2; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	int fd = connected();
	result("sendmmsg", sendmmsg(fd, m, 2, 0));
	sync_with("echoed");
	v[0].iov_base = a;
	v[1].iov_base = b;
	result("recvmmsg", recvmmsg(fd, m, 2, MSG_WAITFORONE, NULL));
	say("recvmmsg: \"%.3s\" \"%.3s\"", a, b);
	close(fd);
}

static void from_file(void)
{
	off_t offset = 0;
	struct stream s = { 0 };
	int file = open(cfg.file, O_RDONLY);
	int fd = connected();
	while (offset < cfg.bytes)
		if (sendfile(fd, file, &offset, cfg.bytes - offset) <= 0)
			die("sendfile");
	say("sendfile: %ld bytes", (long)offset);
	(void)s;
	result("shutdown", shutdown(fd, SHUT_WR));
	drain("read", fd);
	close(fd);
}

static void spliced(void)
{
	int p[2];
	char data[16];
	int fd = connected();
	if (pipe(p) < 0)
		die("pipe");
	result("write to the pipe", write(p[1], "through a pipe", 14));
	result("splice", splice(p[0], NULL, fd, NULL, 14, 0));
	show_poll("waited", fd, POLLIN, -1);
	sync_with("echoed");
	result("splice", splice(fd, NULL, p[1], NULL, 14, 0));
	show_data("read from the pipe", read(p[0], data, sizeof data), data);
	close(fd);
}

static void queue_sizes(void)
{
	int n = -1;
	int fd = connected();
	result("FIONREAD", ioctl(fd, FIONREAD, &n));
	say("FIONREAD: %d", n);
	note("first");
	show_poll("waited", fd, POLLIN, -1);
	sync_with("sent");
	ioctl(fd, FIONREAD, &n);
	say("FIONREAD: %d", n);
	result("read", read(fd, &n, 3));
	ioctl(fd, FIONREAD, &n);
	say("FIONREAD: %d", n);
	n = 1;
	result("FIONBIO", ioctl(fd, FIONBIO, &n));
	say("nonblocking: %s", fcntl(fd, F_GETFL) & O_NONBLOCK ? "yes" : "no");
	close(fd);
}

static void not_connected(void)
{
	char c;
	int fd = new_socket();
	result("read", read(fd, &c, 1));
	result("write", send(fd, "x", 1, MSG_NOSIGNAL));
	close(fd);
	fd = new_listener();
	result("read, listening", read(fd, &c, 1));
	result("write, listening", send(fd, "x", 1, MSG_NOSIGNAL));
	close(fd);
}

static void bad_pointers(void)
{
	char c;
	void *volatile wild = (void *)8;
	int fd = connected();
	result("write", write(fd, wild, 1));
	result("read, nothing there", recv(fd, wild, 1, MSG_DONTWAIT));
	note("first");
	show_poll("waited", fd, POLLIN, -1);
	result("read", read(fd, wild, 1));
	show_data("read", read(fd, &c, 1), &c);
	close(fd);
}

static void discards(void)
{
	char buffer[64];
	struct iovec two[2] = { { NULL, 1 }, { NULL, 1 } };
	struct msghdr m = { .msg_iov = two, .msg_iovlen = 2, .msg_flags = 77 };
	int fd = connected();
	result("recv MSG_TRUNC|MSG_DONTWAIT", recv(fd, NULL, 4, MSG_TRUNC | MSG_DONTWAIT));
	note("first");
	show_poll("waited", fd, POLLIN, -1);
	result("recv MSG_TRUNC", recv(fd, NULL, 3, MSG_TRUNC));
	result("recv MSG_TRUNC|MSG_PEEK", recv(fd, NULL, 2, MSG_TRUNC | MSG_PEEK));
	show_data("recv", recv(fd, buffer, 2, 0), buffer);
	result("recvmsg MSG_TRUNC", recvmsg(fd, &m, MSG_TRUNC));
	say("msg_flags: %d", m.msg_flags);
	show_data("recv", recv(fd, buffer, 1, 0), buffer);
	result("recv MSG_TRUNC", recv(fd, NULL, 64, MSG_TRUNC));
	note("second");
	result("recv MSG_TRUNC", recv(fd, NULL, 64, MSG_TRUNC));
	note("third");
	result("recv MSG_TRUNC at the end", recv(fd, NULL, 64, MSG_TRUNC));
	close(fd);
}

const struct scenario call_scenarios[] = {
	{ "discards", discards },
	{ "flags", flags },
	{ "vectors", vectors },
	{ "messages", messages },
	{ "sendto-address", sendto_address },
	{ "mmsg", mmsg },
	{ "sendfile", from_file },
	{ "splice", spliced },
	{ "queue-sizes", queue_sizes },
	{ "not-connected", not_connected },
	{ "bad-pointers", bad_pointers },
	{ NULL, NULL },
};
