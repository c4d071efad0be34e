/* Many bytes, with a checksum. */
#include "trace.h"
#include <pthread.h>

static unsigned char block[1 << 17];

static void write_all(int fd, struct stream *s)
{
	for (long turn = 0; s->total < cfg.bytes; turn++) {
		/* Sizes of every kind, the last one what is left. */
		long n = turn % 5 == 0 ? 1 : turn % 5 == 1 ? 16384 : turn % 5 == 2 ? 4097 : (long)sizeof block;
		if (n > cfg.bytes - s->total)
			n = cfg.bytes - s->total;
		stream_fill(s, block, n);
		for (long done = 0; done < n;) {
			ssize_t w = write(fd, block + done, n - done);
			if (w < 0)
				die("write");
			done += w;
		}
	}
}

static void bulk_send(void)
{
	struct stream s = { 0 };
	int fd = connected();
	write_all(fd, &s);
	say("wrote %ld bytes, checksum %016llx", s.total, s.sum);
	result("shutdown", shutdown(fd, SHUT_WR));
	drain("read", fd);
	close(fd);
}

static void bulk_receive(void)
{
	int fd = connected();
	drain("read", fd);
	close(fd);
}

static void *reader(void *arg)
{
	drain("read", *(int *)arg);
	return NULL;
}

static void bulk_both(void)
{
	struct stream s = { 0 };
	pthread_t t;
	int fd = connected();
	pthread_create(&t, NULL, reader, &fd);
	write_all(fd, &s);
	shutdown(fd, SHUT_WR);
	pthread_join(t, NULL);
	say("wrote %ld bytes, checksum %016llx", s.total, s.sum);
	close(fd);
}

static void bulk_server(void)
{
	struct stream s = { 0 };
	int fd = new_listener();
	int c = accept(fd, NULL, NULL);
	close(fd);
	drain("read", c);
	write_all(c, &s);
	say("wrote %ld bytes, checksum %016llx", s.total, s.sum);
	close(c);
}

/* Many small messages, each answered before the next. */
static void ping_pong(void)
{
	char in[16], out[16];
	long good = 0;
	int on = 1;
	int fd = connected();
	result("TCP_NODELAY", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
	for (int i = 0; i < cfg.bytes; i++) {
		snprintf(out, sizeof out, "%07d", i);
		if (write(fd, out, 7) == 7 && recv(fd, in, 7, MSG_WAITALL) == 7 && !memcmp(in, out, 7))
			good++;
	}
	say("%ld answers", good);
	close(fd);
}

const struct scenario bulk_scenarios[] = {
	{ "bulk-send", bulk_send },
	{ "bulk-receive", bulk_receive },
	{ "bulk-both", bulk_both },
	{ "bulk-server", bulk_server },
	{ "ping-pong", ping_pong },
	{ NULL, NULL },
};
