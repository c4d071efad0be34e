#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "link_tcp.h"

void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static struct addrinfo *lookup(const char *address, const char *port)
{
	struct addrinfo hints, *a;

	memset(&hints, 0, sizeof hints);
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	if (getaddrinfo(address, port, &hints, &a) != 0) {
		fprintf(stderr, "not a numeric address and port: %s %s\n", address, port);
		exit(2);
	}
	return a;
}

int tcp_family(const char *address)
{
	return strchr(address, ':') ? AF_INET6 : AF_INET;
}

int tcp_connect(int fd, const char *address, const char *port)
{
	struct addrinfo *a = lookup(address, port);
	int rc = connect(fd, a->ai_addr, a->ai_addrlen);

	freeaddrinfo(a);
	return rc;
}

int tcp_listen(int fd, const char *address, const char *port)
{
	struct addrinfo *a = lookup(address, port);
	struct sockaddr_storage self;
	socklen_t len = sizeof self;
	char number[8];
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) == -1 || listen(fd, 4096) == -1 ||
	    getsockname(fd, (struct sockaddr *)&self, &len) == -1)
		return -1;
	freeaddrinfo(a);
	if (getnameinfo((struct sockaddr *)&self, len, NULL, 0, number, sizeof number, NI_NUMERICSERV) != 0)
		return -1;
	printf("%s\n", number);
	return fflush(stdout);
}

int link_write_all(struct link *l, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = link_write(l, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}
