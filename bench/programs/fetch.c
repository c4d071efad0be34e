/* fetch.c - a client that gets a page, once or several times.
 *
 *	fetch [-r] [-u] [-c ca.pem] [-b file|folder] address port name length count
 *
 * Each time it connects, asks for a page of length bytes, reads it to its end
 * and closes. It fails unless every page was whole. -u sends as many bytes
 * instead, and waits for the server to have them. -r keeps sessions from one
 * connection to the next, where that is the program's own business.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "link.h"

static char buf[64 << 10];

/* Reads the answer and returns the length of its body. */
static long long body(struct link *l)
{
	long long total = 0, header = 0;
	char *end;
	ssize_t n;

	while ((n = link_read(l, buf, sizeof buf)) > 0) {
		if (total == 0) { /* servers send the header at once */
			if ((end = memmem(buf, n, "\r\n\r\n", 4)) == NULL)
				return -1;
			header = end + 4 - buf;
		}
		total += n;
	}
	return n == 0 ? total - header : -1;
}

/* Sends length bytes. */
static int upload(struct link *l, long long length)
{
	for (; length > 0; length -= sizeof buf) {
		if (link_write_all(l, buf, length < (long long)sizeof buf ? (size_t)length : sizeof buf) == -1)
			return -1;
	}
	return 0;
}

static void fetch(const struct link_peer *peer, const char *request, long long length, int up, void **session)
{
	struct link l;
	long long got;

	if (link_dial(&l, peer, session) == -1)
		die("connect");
	if (link_write_all(&l, request, strlen(request)) == -1)
		die("write");
	if (up) {
		if (upload(&l, length) == -1)
			die("write");
		length = 0;
	}
	if ((got = body(&l)) != length) {
		fprintf(stderr, "fetch: %lld bytes instead of %lld\n", got, length);
		exit(1);
	}
	link_close(&l, session);
}

int main(int argc, char **argv)
{
	struct link_peer peer = {0};
	void *session = NULL;
	char request[256];
	int opt, count, up = 0;

	while ((opt = getopt(argc, argv, "ruc:b:")) != -1) {
		switch (opt) {
		case 'r':
			peer.resume = 1;
			break;
		case 'u':
			up = 1;
			break;
		case 'c':
			peer.ca = optarg;
			break;
		case 'b':
			peer.bundle = optarg;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 5) {
		fprintf(stderr, "usage: fetch [-r] [-u] [-c ca.pem] [-b file|folder] address port name length count\n");
		return 2;
	}
	argv += optind;
	signal(SIGPIPE, SIG_IGN);
	peer.address = argv[0];
	peer.port = argv[1];
	peer.name = argv[2];
	snprintf(request, sizeof request, "%s /%s HTTP/1.0\r\nHost: %s\r\n\r\n", up ? "PUT" : "GET", argv[3], peer.name);
	link_client(&peer);
	for (count = atoi(argv[4]); count > 0; count--)
		fetch(&peer, request, atoll(argv[3]), up, peer.resume ? &session : NULL);
	return 0;
}
