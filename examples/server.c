/* server.c - the smallest TLS server: answers every request with a greeting.
 *
 *	cc -o server server.c
 *	ssa run -- ./server localhost 8443 cert.pem key.pem
 *
 * Three lines differ from a plain TCP server: the protocol given to socket(),
 * and two options that name the certificate and its key. The key is never in
 * this process's memory. Port 0 takes any free port; the first line printed
 * says which.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <netdb.h>
#include <netinet/tls.h>
#include <signal.h>
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
	fprintf(stderr, "server: %s: %s%s%s\n", what, strerror(saved), why[0] ? ": " : "", why);
}

static int set(int fd, int option, const char *path)
{
	if (setsockopt(fd, IPPROTO_TLS, option, path, strlen(path)) == 0)
		return 0;
	complain(fd, path);
	return -1;
}

/* Returns a listening socket, or -1. */
static int serve_on(char **argv)
{
	struct addrinfo hints, *a;
	struct sockaddr_storage self;
	socklen_t len = sizeof self;
	char port[8];
	int fd, rc, on = 1;

	memset(&hints, 0, sizeof hints);
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_PASSIVE;
	if ((rc = getaddrinfo(argv[1], argv[2], &hints, &a)) != 0) {
		fprintf(stderr, "server: %s: %s\n", argv[1], gai_strerror(rc));
		return -1;
	}
	if ((fd = socket(a->ai_family, SOCK_STREAM, IPPROTO_TLS)) == -1) {
		fprintf(stderr, "server: socket: %s%s\n", strerror(errno),
		        errno == EPROTONOSUPPORT ? ": start it with ssa run -- server" : "");
		return -1;
	}
	if (set(fd, TLS_CERTIFICATE_CHAIN, argv[3]) == -1 || set(fd, TLS_PRIVATE_KEY, argv[4]) == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) == -1 || listen(fd, 128) == -1 ||
	    getsockname(fd, (struct sockaddr *)&self, &len) == -1) {
		complain(fd, "listen");
		return -1;
	}
	freeaddrinfo(a);
	if (getnameinfo((struct sockaddr *)&self, len, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0)
		return -1;
	printf("listening on %s port %s\n", argv[1], port);
	return fflush(stdout) == 0 ? fd : -1;
}

/* Reads one request, up to its empty line, and answers it. */
static int answer(int fd)
{
	char request[4096], reply[512], cipher[64] = "", name[256] = "";
	socklen_t clen = sizeof cipher, nlen = sizeof name, vlen;
	size_t have = 0;
	ssize_t n;
	int version = 0, len;

	do {
		n = read(fd, request + have, sizeof request - 1 - have);
		if (n <= 0) {
			if (n == -1)
				complain(fd, "read");
			return 1;
		}
		have += n;
		request[have] = '\0';
	} while (strstr(request, "\r\n\r\n") == NULL && have < sizeof request - 1);

	vlen = sizeof version;
	if (getsockopt(fd, IPPROTO_TLS, TLS_VERSION_CONN, &version, &vlen) == -1 ||
	    getsockopt(fd, IPPROTO_TLS, TLS_CHOSEN_CIPHER, cipher, &clen) == -1 ||
	    getsockopt(fd, IPPROTO_TLS, TLS_HOSTNAME, name, &nlen) == -1)
		complain(fd, "getsockopt");
	len = snprintf(reply, sizeof reply,
	    "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"
	    "Hello from a TLS server without a TLS library.\n"
	    "version 1.%d, suite %s, you asked for %s\n",
	    (version & 0xff) - 1, cipher, name[0] ? name : "no name");
	if (write(fd, reply, len) != len) {
		complain(fd, "write");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int listener, fd, status;

	if (argc != 5) {
		fprintf(stderr, "usage: server address port chain.pem key.pem\n");
		return 2;
	}
	if ((listener = serve_on(argv)) == -1)
		return 1;
	signal(SIGCHLD, SIG_IGN); /* no zombies */
	for (;;) {
		if ((fd = accept(listener, NULL, NULL)) == -1) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			complain(listener, "accept");
			return 1;
		}
		switch (fork()) {
		case 0:
			close(listener);
			status = answer(fd);
			close(fd);
			_exit(status);
		case -1:
			perror("server: fork");
		}
		close(fd);
	}
}
