/* main.c - one server, written in each of the ways that servers are written:
 *
 *	servers way chain.pem key.pem
 *
 * It prints its port, then serves until it is told to end by SIGTERM.
 */
#define _GNU_SOURCE
#include "servers.h"
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

const char *chain, *key;

int check(int result, const char *what)
{
	if (result == -1) {
		fprintf(stderr, "servers[%d]: %s: %s\n", getpid(), what, strerror(errno));
		_exit(1);
	}
	return result;
}

int listener(int flags, int reuseport, int *port)
{
	struct sockaddr_in self;
	socklen_t len = sizeof self;
	int on = 1, fd = check(socket(AF_INET, SOCK_STREAM | flags, IPPROTO_TLS), "socket");

	check(setsockopt(fd, IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, chain, strlen(chain)), chain);
	check(setsockopt(fd, IPPROTO_TLS, TLS_PRIVATE_KEY, key, strlen(key)), key);
	if (reuseport)
		check(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), "SO_REUSEPORT");
	memset(&self, 0, sizeof self);
	self.sin_family = AF_INET;
	self.sin_port = htons(*port);
	self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(bind(fd, (struct sockaddr *)&self, len), "bind");
	check(listen(fd, 64), "listen");
	check(getsockname(fd, (struct sockaddr *)&self, &len), "getsockname");
	*port = ntohs(self.sin_port);
	return fd;
}

void announce(int port)
{
	printf("listening on 127.0.0.1 port %d\n", port);
	fflush(stdout);
}

int spawn(void)
{
	int parent = getpid(), child = check(fork(), "fork");

	if (child == 0) {
		check(prctl(PR_SET_PDEATHSIG, SIGTERM), "prctl");
		if (getppid() != parent)
			_exit(1);
	}
	return child;
}

size_t answer(int fd, const char *line, size_t len, char *reply, size_t size)
{
	struct sockaddr_in peer;
	socklen_t plen = sizeof peer, nlen = 256, vlen = sizeof(int);
	char name[256];
	int version = 0;

	memset(&peer, 0, sizeof peer);
	check(getpeername(fd, (struct sockaddr *)&peer, &plen), "getpeername");
	check(getsockopt(fd, IPPROTO_TLS, TLS_HOSTNAME, name, &nlen), "TLS_HOSTNAME");
	check(getsockopt(fd, IPPROTO_TLS, TLS_VERSION_CONN, &version, &vlen), "TLS_VERSION_CONN");
	return snprintf(reply, size, "%d %s:%d %s %x %.*s", getpid(), inet_ntoa(peer.sin_addr), ntohs(peer.sin_port),
	    name, version, (int)len, line);
}

void talk(int fd)
{
	char line[512], reply[1024];
	size_t have = 0, len;
	ssize_t n;
	char *end;

	while ((n = read(fd, line + have, sizeof line - have)) > 0) {
		have += n;
		while ((end = memchr(line, '\n', have)) != NULL) {
			len = end + 1 - line;
			n = answer(fd, line, len, reply, sizeof reply);
			if (write(fd, reply, n) != n)
				check(-1, "write");
			memmove(line, line + len, have -= len);
		}
	}
	if (n == -1)
		fprintf(stderr, "servers[%d]: read: %s\n", getpid(), strerror(errno));
	check(close(fd), "close");
}

/* sockets makes sockets and makes sure that it has got them. */
static void sockets(void)
{
	int i, fd, protocol = 0;
	socklen_t len = sizeof protocol;

	for (i = 0; i < 10000; i++) {
		fd = check(socket(AF_INET, SOCK_STREAM, IPPROTO_TLS), "socket");
		check(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len), "SO_PROTOCOL");
		if (fd <= STDERR_FILENO || protocol != IPPROTO_TLS) {
			fprintf(stderr, "servers: socket %d is descriptor %d, of protocol %d\n", i, fd, protocol);
			_exit(1);
		}
		check(close(fd), "close");
	}
	exit(0);
}

static const struct {
	const char *name;
	void (*serve)(void);
} ways[] = {
	{"prefork", prefork},     {"threads", threads},   {"epoll-workers", epoll_workers},
	{"epoll-threads", epoll_threads}, {"reuseport", reuseport}, {"passing", passing}, {"inetd", inetd},
	{"sockets", sockets},
};

int main(int argc, char **argv)
{
	size_t i;

	if (argc != 4)
		return 2;
	chain = argv[2];
	key = argv[3];
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof ways / sizeof *ways; i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			ways[i].serve();
	if (strcmp(argv[1], "re-exec") == 0)
		re_exec(argv);
	if (strncmp(argv[1], "inherited=", 10) == 0)
		re_execed(atoi(argv[1] + 10));
	if (strcmp(argv[1], "activation") == 0)
		activate(argv);
	if (strcmp(argv[1], "activated") == 0)
		activated();
	return 2;
}
