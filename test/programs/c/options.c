/* Options that are not TLS: each is the real TCP socket's, or as good as. */
#include "trace.h"

static void show_int(const char *when, int fd, int level, int option, const char *name)
{
	int value = -1;
	socklen_t len = sizeof value;
	if (getsockopt(fd, level, option, &value, &len) < 0)
		say("%s, %s: %s", name, when, errno_name(errno));
	else
		say("%s, %s: %d, length %d", name, when, value, (int)len);
}

static void set_int(int fd, int level, int option, const char *name, int value)
{
	int n = setsockopt(fd, level, option, &value, sizeof value);
	say("%s := %d: %s", name, value, n < 0 ? errno_name(errno) : "0");
	show_int("then", fd, level, option, name);
}

/* Who the peer is: over TCP nobody the kernel knows. */
static void credentials(const char *when, int fd)
{
	struct ucred who = { 7, 7, 7 };
	socklen_t len = sizeof who;
	char buf[64];
	int n = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	say("SO_PEERCRED, %s: %s: %d %d %d, length %d", when, n < 0 ? errno_name(errno) : "0", (int)who.pid, (int)who.uid,
	    (int)who.gid, (int)len);
	len = sizeof buf;
	n = getsockopt(fd, SOL_SOCKET, SO_PEERSEC, buf, &len);
	say("SO_PEERSEC, %s: %s", when, n < 0 ? errno_name(errno) : "0");
	len = sizeof buf;
	n = getsockopt(fd, SOL_SOCKET, 59 /* SO_PEERGROUPS */, buf, &len);
	say("SO_PEERGROUPS, %s: %s", when, n < 0 ? errno_name(errno) : "0");
	len = sizeof buf;
	n = getsockopt(fd, SOL_SOCKET, 77 /* SO_PEERPIDFD */, buf, &len);
	say("SO_PEERPIDFD, %s: %s", when, n < 0 ? errno_name(errno) : "0");
	show_int(when, fd, SOL_SOCKET, SO_PASSCRED, "SO_PASSCRED");
}

static void identity(const char *when, int fd)
{
	credentials(when, fd);
	int protocol = -1;
	socklen_t len = sizeof protocol;
	show_int(when, fd, SOL_SOCKET, SO_TYPE, "SO_TYPE");
	show_int(when, fd, SOL_SOCKET, SO_DOMAIN, "SO_DOMAIN");
	show_int(when, fd, SOL_SOCKET, SO_ACCEPTCONN, "SO_ACCEPTCONN");
	show_int(when, fd, SOL_SOCKET, SO_ERROR, "SO_ERROR");
	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
	say("SO_PROTOCOL, %s: %s", when, protocol == cfg.proto ? "the one asked for" : "another");
}

static void identities(void)
{
	int fd = new_unbound_listener();
	identity("fresh", fd);
	close(fd);
	fd = new_listener();
	identity("listening", fd);
	int c = accept(fd, NULL, NULL);
	identity("accepted", c);
	close(c);
	close(fd);
}

static void client_identities(void)
{
	char c;
	int fd = connected();
	identity("connected", fd);
	result("read", read(fd, &c, 1));
	identity("closed by the peer", fd);
	close(fd);
}

static void all(const char *when, int fd)
{
	say("-- %s", when);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE", 1);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE", 77);
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT", 5000);
	set_int(fd, IPPROTO_TCP, TCP_CORK, "TCP_CORK", 0);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF", 65536);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF", 65536);
	set_int(fd, SOL_SOCKET, SO_RCVLOWAT, "SO_RCVLOWAT", 1);
	set_int(fd, SOL_SOCKET, SO_OOBINLINE, "SO_OOBINLINE", 1);
	if (cfg.family == AF_INET) {
		set_int(fd, IPPROTO_IP, IP_TOS, "IP_TOS", 0x10);
		set_int(fd, IPPROTO_IP, IP_TTL, "IP_TTL", 33);
	} else {
		set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS", 33);
		show_int("then", fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY");
	}
	show_int("then", fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR");
	set_int(fd, SOL_SOCKET, 9999, "no such option", 1);
	set_int(fd, IPPROTO_TCP, 9999, "no such TCP option", 1);
	set_int(fd, 250, 1, "no such level", 1);
}

static void plain_options(void)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	all("fresh", fd);
	result("connect", connect(fd, (struct sockaddr *)&a, peer_address(&a)));
	show_int("connected", fd, IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE");
	show_int("connected", fd, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY");
	all("connected", fd);
	close(fd);
}

static void listener_options(void)
{
	int fd = new_listener();
	set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT", 0);
	show_int("listening", fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR");
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE", 77);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", 1);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF", 20000);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF", 30000);
	struct linger l = { 1, 5 }, got = { 0, 0 };
	socklen_t len = sizeof got;
	result("SO_LINGER", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l));
	note("ready");
	int c = accept(fd, NULL, NULL);
	show_int("accepted", c, IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE");
	show_int("accepted", c, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY");
	show_int("accepted", c, SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE");
	show_int("accepted", c, SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF");
	show_int("accepted", c, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF");
	getsockopt(c, SOL_SOCKET, SO_LINGER, &got, &len);
	say("SO_LINGER, accepted: %d %d", got.l_onoff, got.l_linger);
	close(c);
	close(fd);
}

static void tcp_info(void)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;
	int fd = connected();
	result("TCP_INFO", getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	say("state %d, mss %s", info.tcpi_state, info.tcpi_snd_mss > 500 ? "plausible" : "strange");
	close(fd);
}

static void linger(void)
{
	struct linger l = { 1, 3 }, got = { 0, 0 };
	socklen_t len = sizeof got;
	int fd = connected();
	result("SO_LINGER", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l));
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &got, &len);
	say("SO_LINGER: %d %d", got.l_onoff, got.l_linger);
	result("write", write(fd, "x", 1));
	result("close", close(fd));
}

/* What a peer that does not read makes a program with small buffers keep. */
static void small_buffers(void)
{
	static char buffer[65536];
	struct sockaddr_storage a;
	int size = 4096, got = 0;
	socklen_t len = peer_address(&a), l = sizeof got;
	long n, total = 0;
	int fd = new_socket();
	result("SO_SNDBUF", setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
	result("connect", connect(fd, (struct sockaddr *)&a, len));
	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &l);
	say("SO_SNDBUF: %d", got);
	set_nonblocking(fd);
	for (struct pollfd p = { fd, POLLOUT, 0 }; poll(&p, 1, 300) > 0 && (n = write(fd, buffer, sizeof buffer)) > 0;)
		total += n;
	say("taken: %s", total < 400000 ? "little" : "much");
	note("written");
	close(fd);
}

static void option_arguments(void)
{
	int value = 0;
	socklen_t len = sizeof value;
	void *wild = (void *)8;
	int fd = connected();
	result("getsockopt, wild value", getsockopt(fd, SOL_SOCKET, SO_TYPE, wild, &len));
	result("getsockopt, wild length", getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, wild));
	len = 1;
	result("getsockopt, short", getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len));
	say("length %d", (int)len);
	len = (socklen_t)-1;
	result("getsockopt, negative", getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len));
	result("setsockopt, wild value", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, wild, sizeof value));
	result("setsockopt, short", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, 1));
	result("setsockopt, wild value", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, wild, sizeof value));
	close(fd);
}

const struct scenario option_scenarios[] = {
	{ "identities", identities },
	{ "client-identities", client_identities },
	{ "plain-options", plain_options },
	{ "listener-options", listener_options },
	{ "tcp-info", tcp_info },
	{ "linger", linger },
	{ "small-buffers", small_buffers },
	{ "option-arguments", option_arguments },
	{ NULL, NULL },
};
