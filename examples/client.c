/* client.c - the smallest TLS client: fetches a page from a web server.
 *
 *	cc -o client client.c
 *	ssa run -- ./client example.com 443 /
 *
 * Two lines differ from a plain TCP client: the protocol given to socket(),
 * and the name that the server has to prove.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <netdb.h>
#include <netinet/tls.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Says why the last operation on the socket failed: errno for programs, and
 * TLS_ERROR, one sentence, for people. */
static void complain(int fd, const char *what)
{
	int saved = errno;
	char why[1024] = "";
	socklen_t len = sizeof why - 1;

	if (getsockopt(fd, IPPROTO_TLS, TLS_ERROR, why, &len) == -1)
		why[0] = '\0';
	fprintf(stderr, "client: %s: %s%s%s\n", what, strerror(saved), why[0] ? ": " : "", why);
}

/* Tries each address of the host in turn; returns a socket, or -1. */
static int dial(const char *host, const char *port)
{
	struct addrinfo hints, *list, *a;
	int fd = -1, rc;

	memset(&hints, 0, sizeof hints);
	hints.ai_socktype = SOCK_STREAM;
	if ((rc = getaddrinfo(host, port, &hints, &list)) != 0) {
		fprintf(stderr, "client: %s: %s\n", host, gai_strerror(rc));
		return -1;
	}
	for (a = list; a != NULL; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM, IPPROTO_TLS);
		if (fd == -1) {
			fprintf(stderr, "client: socket: %s%s\n", strerror(errno),
			        errno == EPROTONOSUPPORT ? ": start it with ssa run -- client" : "");
			continue;
		}
		if (setsockopt(fd, IPPROTO_TLS, TLS_REMOTE_HOSTNAME, host, strlen(host)) == 0 &&
		    connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			break; /* connected, and verified: it is the host */
		complain(fd, host);
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

int main(int argc, char **argv)
{
	char buf[4096];
	ssize_t n;
	int fd, len;

	if (argc != 4) {
		fprintf(stderr, "usage: client host port path\n");
		return 2;
	}
	if ((fd = dial(argv[1], argv[2])) == -1)
		return 1;
	len = snprintf(buf, sizeof buf, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", argv[3], argv[1]);
	if (len < 0 || (size_t)len >= sizeof buf) {
		fprintf(stderr, "client: path too long\n");
		return 2;
	}
	if (write(fd, buf, len) != len) { /* a blocking write() writes all of it */
		complain(fd, "write");
		return 1;
	}
	while ((n = read(fd, buf, sizeof buf)) > 0)
		fwrite(buf, 1, n, stdout);
	if (n == -1) { /* cut off: what was printed is not all of it */
		complain(fd, "read");
		return 1;
	}
	close(fd);
	return fflush(stdout) == 0 ? 0 : 1;
}
