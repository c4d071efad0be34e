/* Sockets that are not TLS, which a gate must leave alone. */
#include "trace.h"
#include <sys/ioctl.h>
#include <sys/un.h>

static void udp(void)
{
	struct sockaddr_storage a, from;
	socklen_t len = loopback(&a, 0), n = sizeof from;
	char data[16];
	int one = socket(cfg.family, SOCK_DGRAM, 0), two = socket(cfg.family, SOCK_DGRAM, IPPROTO_UDP);
	result("bind", bind(one, (struct sockaddr *)&a, len));
	getsockname(one, (struct sockaddr *)&a, &n);
	result("sendto", sendto(two, "datagram", 8, 0, (struct sockaddr *)&a, len));
	n = sizeof from;
	show_data("recvfrom", recvfrom(one, data, sizeof data, 0, (struct sockaddr *)&from, &n), data);
	result("connect", connect(two, (struct sockaddr *)&a, len));
	result("send", send(two, "connected", 9, 0));
	show_data("recv", recv(one, data, sizeof data, 0), data);
	result("listen", listen(one, 5));
	close(one);
	close(two);
}

static void unix_sockets(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	char data[16];
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	result("bind", bind(server, (struct sockaddr *)&un, sizeof(sa_family_t)));
	getsockname(server, (struct sockaddr *)&a, &len);
	result("listen", listen(server, 5));
	result("connect", connect(client, (struct sockaddr *)&a, len));
	struct sockaddr_storage from;
	socklen_t n = sizeof from;
	int c = accept(server, (struct sockaddr *)&from, &n);
	say("accept: family %d, length %d", from.ss_family, (int)n);
	result("write", write(client, "local", 5));
	show_data("read", read(c, data, sizeof data), data);
	struct ucred who = { 0 };
	n = sizeof who;
	result("SO_PEERCRED", getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &n));
	say("peer is %s", who.pid == getpid() ? "ourselves" : "somebody else");
	result("shutdown", shutdown(client, SHUT_WR));
	result("read", read(c, data, sizeof data));
	close(c);
	close(client);
	close(server);
}

static void pairs(void)
{
	int p[2];
	char data[16];
	result("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	result("write", write(p[0], "pair", 4));
	show_data("read", read(p[1], data, sizeof data), data);
	result("close", close(p[0]));
	result("read", read(p[1], data, sizeof data));
	result("write", send(p[1], "x", 1, MSG_NOSIGNAL));
	close(p[1]);
	result("socketpair, datagrams", socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
	result("send", send(p[0], "one", 3, 0));
	show_data("recv", recv(p[1], data, sizeof data, 0), data);
}

static void not_sockets(void)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int p[2], value = 0;
	if (pipe(p) < 0)
		die("pipe");
	result("connect a pipe", connect(p[0], (struct sockaddr *)&a, loopback(&a, 1)));
	result("getsockname of a pipe", getsockname(p[0], (struct sockaddr *)&a, &len));
	result("setsockopt of a pipe", setsockopt(p[0], SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value));
	result("listen on a pipe", listen(p[0], 1));
	result("accept on a pipe", accept(p[0], (struct sockaddr *)&a, &len));
	result("shutdown of a pipe", shutdown(p[0], SHUT_RDWR));
	result("connect nothing", connect(-1, (struct sockaddr *)&a, loopback(&a, 1)));
	result("bind nothing", bind(555, (struct sockaddr *)&a, loopback(&a, 1)));
	result("getsockopt of nothing", getsockopt(555, SOL_SOCKET, SO_TYPE, &value, &len));
	result("socket, no such family", socket(77, SOCK_STREAM, 0));
	result("socket, no such type", socket(AF_INET, 99, 0));
	result("socket, no such protocol", socket(AF_INET, SOCK_STREAM, 199));
}

const struct scenario plain_scenarios[] = {
	{ "udp", udp },
	{ "unix", unix_sockets },
	{ "socketpair", pairs },
	{ "not-sockets", not_sockets },
	{ NULL, NULL },
};
