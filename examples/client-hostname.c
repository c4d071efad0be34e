/* client-hostname.c - the same client, connecting by name.
 *
 *	cc -o client-hostname client-hostname.c
 *	ssa run -- ./client-hostname example.com 443 /
 *
 * The address is the name. Resolving it, trying its addresses and verifying
 * that the server owns it are done in connect(): there is nothing to forget.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <netinet/tls.h>
#include <stdio.h>
#include <stdlib.h>
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
	fprintf(stderr, "client-hostname: %s: %s%s%s\n", what, strerror(saved), why[0] ? ": " : "", why);
}

int main(int argc, char **argv)
{
	struct sockaddr_host server;
	char buf[4096];
	ssize_t n;
	int fd, len;

	if (argc != 4 || strlen(argv[1]) >= sizeof server.sin_addr.name) {
		fprintf(stderr, "usage: client-hostname host port path\n");
		return 2;
	}
	memset(&server, 0, sizeof server);
	server.sin_family = AF_HOSTNAME;
	server.sin_port = htons((in_port_t)atoi(argv[2]));
	memcpy(server.sin_addr.name, argv[1], strlen(argv[1]));

	if ((fd = socket(AF_HOSTNAME, SOCK_STREAM, IPPROTO_TLS)) == -1) {
		fprintf(stderr, "client-hostname: socket: %s%s\n", strerror(errno),
		        errno == EAFNOSUPPORT ? ": start it with ssa run -- client-hostname" : "");
		return 1;
	}
	if (connect(fd, (struct sockaddr *)&server, sizeof server) == -1) {
		complain(fd, argv[1]);
		return 1;
	}
	len = snprintf(buf, sizeof buf, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", argv[3], argv[1]);
	if (len < 0 || (size_t)len >= sizeof buf) {
		fprintf(stderr, "client-hostname: path too long\n");
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
