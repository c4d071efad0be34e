/* Connections made with socket calls alone. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <netinet/tls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "link_tcp.h"

#ifndef LINK_PROTOCOL
#define LINK_PROTOCOL 0
#endif

/* Says why the operating system refused a TLS socket something. */
static void complain(int fd, const char *what)
{
	char why[1024] = "";
	socklen_t len = sizeof why - 1;
	int saved = errno;

	if (LINK_PROTOCOL == IPPROTO_TLS && getsockopt(fd, IPPROTO_TLS, TLS_ERROR, why, &len) == 0)
		fprintf(stderr, "%s: %s\n", what, why);
	errno = saved;
}

/* A program that talks in small messages turns Nagle's algorithm off. */
static void no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void link_client(const struct link_peer *peer)
{
	(void)peer; /* whom to believe is the administrator's to say */
}

int link_dial(struct link *l, const struct link_peer *peer, void **session)
{
	(void)session; /* resumption is the operating system's business */
	memset(l, 0, sizeof *l);
	if ((l->fd = socket(tcp_family(peer->address), SOCK_STREAM, LINK_PROTOCOL)) == -1)
		return -1;
	if ((LINK_PROTOCOL == IPPROTO_TLS &&
	     setsockopt(l->fd, IPPROTO_TLS, TLS_REMOTE_HOSTNAME, peer->name, strlen(peer->name)) == -1) ||
	    tcp_connect(l->fd, peer->address, peer->port) == -1) {
		complain(l->fd, "connect");
		close(l->fd);
		return -1;
	}
	if (LINK_PROTOCOL != IPPROTO_TLS)
		no_delay(l->fd);
	return 0;
}

int link_listen(const char *address, const char *port, const char *chain, const char *key)
{
	int fd = socket(tcp_family(address), SOCK_STREAM | SOCK_NONBLOCK, LINK_PROTOCOL);

	if (fd == -1)
		die("socket");
	if ((LINK_PROTOCOL == IPPROTO_TLS &&
	     (setsockopt(fd, IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, chain, strlen(chain)) == -1 ||
	      setsockopt(fd, IPPROTO_TLS, TLS_PRIVATE_KEY, key, strlen(key)) == -1)) ||
	    tcp_listen(fd, address, port) == -1) {
		complain(fd, "listen");
		die("listen");
	}
	return fd;
}

int link_accept(int listener, struct link *l)
{
	memset(l, 0, sizeof *l);
	if ((l->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) == -1)
		return 0;
	if (LINK_PROTOCOL != IPPROTO_TLS)
		no_delay(l->fd);
	return 1;
}

int link_ready(struct link *l)
{
	(void)l; /* accepted is ready */
	return 1;
}

ssize_t link_read(struct link *l, void *buf, size_t len)
{
	return read(l->fd, buf, len);
}

ssize_t link_write(struct link *l, const void *buf, size_t len)
{
	return write(l->fd, buf, len);
}

void link_close(struct link *l, void **session)
{
	(void)session;
	close(l->fd);
}
