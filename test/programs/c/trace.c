/* The transcript and the conversation with the test: see trace.h. */
#include "trace.h"
#include <stdarg.h>

struct settings cfg = { .proto = IPPROTO_TCP, .family = AF_INET, .fd = -1 };
const char *self;

void say(const char *format, ...)
{
	int saved = errno;
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	errno = saved;
}

#define NAME(e) case e: return #e
const char *errno_name(int e)
{
	static char other[32];
	switch (e) {
	NAME(EPERM); NAME(ENOENT); NAME(EINTR); NAME(EBADF); NAME(EAGAIN); NAME(EACCES); NAME(EFAULT);
	NAME(EINVAL); NAME(EMFILE); NAME(ENFILE); NAME(ENOTTY); NAME(EPIPE); NAME(ERANGE); NAME(EPROTO); NAME(ENOTSOCK);
	NAME(EDESTADDRREQ); NAME(EMSGSIZE); NAME(ENOPROTOOPT); NAME(EPROTONOSUPPORT); NAME(ESOCKTNOSUPPORT); NAME(EPROTOTYPE);
	NAME(EOPNOTSUPP); NAME(EAFNOSUPPORT); NAME(EADDRINUSE); NAME(EADDRNOTAVAIL); NAME(ENETDOWN);
	NAME(ENETUNREACH); NAME(ECONNABORTED); NAME(ECONNRESET); NAME(ENOBUFS); NAME(EISCONN); NAME(ENOTCONN);
	NAME(ETIMEDOUT); NAME(ECONNREFUSED); NAME(EHOSTUNREACH); NAME(EALREADY); NAME(EINPROGRESS); NAME(ENOSYS);
	NAME(ENAMETOOLONG); NAME(ENOMEM); NAME(EIO); NAME(ESPIPE);
	}
	snprintf(other, sizeof other, "errno %d", e);
	return other;
}
#undef NAME

long result(const char *call, long value)
{
	if (value < 0)
		say("%s = %ld %s", call, value, errno_name(errno));
	else
		say("%s = %ld", call, value);
	return value;
}

static void poll_names(short revents, char *out)
{
	static const struct { short bit; const char *name; } bits[] = {
		{ POLLIN, "IN" }, { POLLPRI, "PRI" }, { POLLOUT, "OUT" }, { POLLERR, "ERR" },
		{ POLLHUP, "HUP" }, { POLLRDHUP, "RDHUP" }, { POLLNVAL, "NVAL" },
	};
	*out = 0;
	for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
		if (revents & bits[i].bit) {
			if (*out)
				strcat(out, "|");
			strcat(out, bits[i].name);
		}
	if (!*out)
		strcpy(out, "silent");
}

int show_poll(const char *when, int fd, int events, int timeout)
{
	struct pollfd p = { .fd = fd, .events = (short)events };
	char names[64];
	int n = poll(&p, 1, timeout);
	poll_names(p.revents, names);
	say("poll, %s: %d %s", when, n, names);
	return p.revents;
}

void show_so_error(int fd)
{
	int e = -1;
	socklen_t len = sizeof e;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		result("getsockopt(SO_ERROR)", -1);
	else
		say("SO_ERROR: %s", e ? errno_name(e) : "0");
}

void show_address(const char *call, int value, const struct sockaddr_storage *a, const socklen_t *len)
{
	char host[INET6_ADDRSTRLEN] = "?";
	int port;
	if (value < 0) {
		result(call, value);
		return;
	}
	if (a->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		port = ntohs(in->sin_port);
	} else if (a->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)a;
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
		port = ntohs(in6->sin6_port);
	} else {
		say("%s: family %d, length %d", call, a->ss_family, (int)*len);
		return;
	}
	say("%s: %s port %s, length %d", call, host,
	    port == 0 ? "0" : port == cfg.port ? "the peer's" : "some", (int)*len);
}

void show_data(const char *call, long n, const void *data)
{
	if (n < 0)
		result(call, n);
	else
		say("%s = %ld \"%.*s\"", call, n, (int)n, (const char *)data);
}

long drain(const char *what, int fd)
{
	static unsigned char buffer[65536];
	struct stream s = { 0 };
	for (;;) {
		ssize_t n = read(fd, buffer, sizeof buffer);
		if (n <= 0) {
			say("%s: %ld bytes, checksum %016llx, then %s", what, s.total, s.sum,
			    n == 0 ? "the end" : errno_name(errno));
			return s.total;
		}
		stream_add(&s, buffer, n);
	}
}

void note(const char *token)
{
	say("@%s", token);
}

void sync_with(const char *token)
{
	char c = 0;
	note(token);
	do {
		ssize_t n = read(0, &c, 1);
		if (n == 0)
			exit(90);
		if (n < 0 && errno != EINTR)
			die("read from the test");
	} while (c != '\n');
}

void die(const char *what)
{
	say("BROKEN: %s: %s", what, errno_name(errno));
	exit(91);
}

void stream_fill(struct stream *s, unsigned char *p, long n)
{
	for (long i = 0; i < n; i++) {
		s->state = s->state * 6364136223846793005ULL + 1442695040888963407ULL;
		p[i] = s->state >> 56;
	}
	stream_add(s, p, n);
}

void stream_add(struct stream *s, const unsigned char *p, long n)
{
	for (long i = 0; i < n; i++)
		s->sum = (s->sum ^ p[i]) * 1099511628211ULL;
	s->total += n;
}
