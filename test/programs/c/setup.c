/* Sockets made ready for the protocol of this run: see trace.h. */
#include "trace.h"

static void must_set(int fd, int option, const char *name, const char *value)
{
	if (value && setsockopt(fd, IPPROTO_TLS, option, value, strlen(value)) < 0)
		die(name);
}

void prepare_client(int fd)
{
	if (cfg.proto != IPPROTO_TLS)
		return;
	must_set(fd, TLS_REMOTE_HOSTNAME, "set TLS_REMOTE_HOSTNAME", cfg.name);
	must_set(fd, TLS_TRUSTED_PEER_CERTIFICATES, "set TLS_TRUSTED_PEER_CERTIFICATES", cfg.ca);
}

int new_socket(void)
{
	int fd = socket(cfg.family, SOCK_STREAM, cfg.proto);
	if (fd < 0)
		die("socket");
	prepare_client(fd);
	return fd;
}

int new_unbound_listener(void)
{
	int on = 1;
	int fd = socket(cfg.family, SOCK_STREAM, cfg.proto);
	if (fd < 0)
		die("socket");
	if (cfg.proto == IPPROTO_TLS) {
		must_set(fd, TLS_CERTIFICATE_CHAIN, "set TLS_CERTIFICATE_CHAIN", cfg.chain);
		must_set(fd, TLS_PRIVATE_KEY, "set TLS_PRIVATE_KEY", cfg.key);
	}
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		die("set SO_REUSEADDR");
	return fd;
}

int new_listener(void)
{
	struct sockaddr_storage a;
	int fd = new_unbound_listener();
	socklen_t len = loopback(&a, 0);
	if (bind(fd, (struct sockaddr *)&a, len) < 0)
		die("bind");
	if (listen(fd, 128) < 0)
		die("listen");
	say("@port %d", local_port(fd));
	return fd;
}

socklen_t loopback(struct sockaddr_storage *a, int port)
{
	memset(a, 0, sizeof *a);
	if (cfg.family == AF_INET6) {
		struct sockaddr_in6 *in6 = (void *)a;
		in6->sin6_family = AF_INET6;
		in6->sin6_addr = in6addr_loopback;
		in6->sin6_port = htons(port);
		return sizeof *in6;
	}
	struct sockaddr_in *in = (void *)a;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in->sin_port = htons(port);
	return sizeof *in;
}

socklen_t peer_address(struct sockaddr_storage *a)
{
	return loopback(a, cfg.port);
}

int connected(void)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	socklen_t len = peer_address(&a);
	if (connect(fd, (struct sockaddr *)&a, len) < 0) {
		result("connect", -1);
		exit(92);
	}
	return fd;
}

int local_port(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		die("getsockname");
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
	                                     : ((struct sockaddr_in *)&a)->sin_port);
}

void set_nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		die("fcntl O_NONBLOCK");
}
