/* getsockname and getpeername in every state, and where connections come from. */
#include "trace.h"

static void names(const char *when, int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	char what[64];
	memset(&a, 0, sizeof a);
	snprintf(what, sizeof what, "getsockname, %s", when);
	show_address(what, getsockname(fd, (struct sockaddr *)&a, &len), &a, &len);
	len = sizeof a;
	snprintf(what, sizeof what, "getpeername, %s", when);
	show_address(what, getpeername(fd, (struct sockaddr *)&a, &len), &a, &len);
}

static void client_names(void)
{
	struct sockaddr_storage a;
	char c;
	int fd = new_socket();
	names("fresh", fd);
	result("connect", connect(fd, (struct sockaddr *)&a, peer_address(&a)));
	names("connected", fd);
	result("shutdown", shutdown(fd, SHUT_WR));
	names("half closed", fd);
	note("looked");
	result("read", read(fd, &c, 1));
	close(fd);
}

static void connecting_names(void)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	set_nonblocking(fd);
	result("connect", connect(fd, (struct sockaddr *)&a, peer_address(&a)));
	socklen_t len = sizeof a;
	show_address("getsockname, connecting", getsockname(fd, (struct sockaddr *)&a, &len), &a, &len);
	note("connecting");
	show_poll("waited", fd, POLLOUT, -1);
	names("connected", fd);
	close(fd);
}

static void refused_names(void)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	result("connect", connect(fd, (struct sockaddr *)&a, loopback(&a, cfg.other)));
	socklen_t len = sizeof a;
	result("getpeername, refused", getpeername(fd, (struct sockaddr *)&a, &len));
	close(fd);
}

static void server_names(void)
{
	struct sockaddr_storage a;
	socklen_t len = loopback(&a, 0);
	int fd = new_unbound_listener();
	result("bind", bind(fd, (struct sockaddr *)&a, len));
	names("bound", fd);
	result("listen", listen(fd, 5));
	names("listening", fd);
	cfg.port = local_port(fd); /* from here "the peer's" means our own */
	say("@port %d", cfg.port);
	int c = accept(fd, NULL, NULL);
	names("accepted", c);
	char x;
	result("read", read(c, &x, 1));
	names("closed by the peer", c);
	close(c);
	close(fd);
}

static void name_arguments(void)
{
	struct sockaddr_storage a;
	socklen_t len = 4;
	int fd = connected();
	memset(&a, 0x55, sizeof a);
	result("getpeername, short", getpeername(fd, (struct sockaddr *)&a, &len));
	say("length %d, family %d, next byte %02x", (int)len, a.ss_family, ((unsigned char *)&a)[4]);
	len = 0;
	result("getsockname, nothing", getsockname(fd, (struct sockaddr *)&a, &len));
	say("length %d", (int)len);
	len = (socklen_t)-1;
	result("getsockname, negative", getsockname(fd, (struct sockaddr *)&a, &len));
	len = sizeof a;
	result("getsockname, no address", getsockname(fd, NULL, &len));
	result("getsockname, no length", getsockname(fd, (struct sockaddr *)&a, NULL));
	result("getpeername, no address", getpeername(fd, NULL, &len));
	close(fd);
}

static void source_address(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002) };
	struct sockaddr_storage a;
	char c;
	int fd = new_socket();
	result("bind to 127.0.0.2", bind(fd, (struct sockaddr *)&in, sizeof in));
	names("bound", fd);
	result("connect", connect(fd, (struct sockaddr *)&a, peer_address(&a)));
	names("connected", fd);
	result("read", read(fd, &c, 1));
	close(fd);
}

static void connect_arguments(void)
{
	struct sockaddr_storage a;
	socklen_t len = peer_address(&a);
	int fd = new_socket();
	result("connect, no address", connect(fd, NULL, len));
	result("connect, wild address", connect(fd, (struct sockaddr *)8, len));
	result("connect, cut short", connect(fd, (struct sockaddr *)&a, 4));
	result("connect, nothing", connect(fd, (struct sockaddr *)&a, 0));
	result("connect, huge length", connect(fd, (struct sockaddr *)&a, 1 << 20));
	result("connect, negative length", connect(fd, (struct sockaddr *)&a, (socklen_t)-1));
	a.ss_family = AF_UNIX;
	result("connect, AF_UNIX", connect(fd, (struct sockaddr *)&a, len));
	peer_address(&a);
	result("connect, longer than needed", connect(fd, (struct sockaddr *)&a, sizeof a));
	result("write", write(fd, "x", 1));
	close(fd);
}

/* Dissolving what is not there is allowed. */
static void connect_unspec(void)
{
	struct sockaddr_storage a;
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = new_socket();
	result("connect AF_UNSPEC, fresh", connect(fd, &none, sizeof none));
	result("connect", connect(fd, (struct sockaddr *)&a, peer_address(&a)));
	result("write", write(fd, "x", 1));
	close(fd);
}

/* An IPv6 socket reaches IPv4 through a mapped address. */
static void mapped(void)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(cfg.port) };
	cfg.family = AF_INET6;
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr);
	int fd = new_socket();
	result("connect", connect(fd, (struct sockaddr *)&in6, sizeof in6));
	names("connected", fd);
	result("write", write(fd, "x", 1));
	close(fd);
}

static void dual_stack(void)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	cfg.family = AF_INET6;
	int fd = new_unbound_listener();
	result("bind", bind(fd, (struct sockaddr *)&any, sizeof any));
	result("listen", listen(fd, 5));
	say("@port %d", local_port(fd));
	int c = accept(fd, (struct sockaddr *)&a, &len);
	show_address("accept", c, &a, &len);
	drain("read", c);
	close(c);
	close(fd);
}

const struct scenario address_scenarios[] = {
	{ "client-names", client_names },
	{ "connecting-names", connecting_names },
	{ "refused-names", refused_names },
	{ "server-names", server_names },
	{ "name-arguments", name_arguments },
	{ "source-address", source_address },
	{ "connect-arguments", connect_arguments },
	{ "connect-unspec", connect_unspec },
	{ "mapped", mapped },
	{ "dual-stack", dual_stack },
	{ NULL, NULL },
};
