/* Servers: bind, listen, accept. */
#include "trace.h"
#include <pthread.h>
#include <sys/syscall.h>

static void serve(int c)
{
	char buffer[64];
	ssize_t n = recv(c, buffer, 5, MSG_WAITALL);
	show_data("read", n, buffer);
	result("write", write(c, buffer, n));
	result("read", read(c, buffer, sizeof buffer));
	result("close", close(c));
}

static void accept_plain(void)
{
	int fd = new_listener();
	int c = accept(fd, NULL, NULL);
	say("accept %s", c >= 0 ? "gave a connection" : errno_name(errno));
	serve(c);
	close(fd);
}

static void accept_address(void)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int fd = new_listener();
	int c = accept(fd, (struct sockaddr *)&a, &len);
	show_address("accept", c, &a, &len);
	serve(c);
	/* A buffer that is too short is filled, and the length tells. */
	memset(&a, 0x55, sizeof a);
	len = 4;
	c = accept(fd, (struct sockaddr *)&a, &len);
	say("accept %s, family %d, length %d, next byte %02x", c >= 0 ? "gave a connection" : errno_name(errno),
	    a.ss_family, (int)len, ((unsigned char *)&a)[4]);
	serve(c);
	close(fd);
}

static void show_flags(const char *what, int c)
{
	say("%s: %s%s%s", what, c < 0 ? errno_name(errno) : "connection",
	    c >= 0 && fcntl(c, F_GETFL) & O_NONBLOCK ? " nonblocking" : "",
	    c >= 0 && fcntl(c, F_GETFD) & FD_CLOEXEC ? " cloexec" : "");
	close(c);
}

static void accept_flags(void)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int fd = new_listener();
	show_flags("accept4 0", accept4(fd, NULL, NULL, 0));
	show_flags("accept4 NONBLOCK", accept4(fd, NULL, NULL, SOCK_NONBLOCK));
	show_flags("accept4 CLOEXEC", accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	show_flags("accept4 both, address", accept4(fd, (struct sockaddr *)&a, &len, SOCK_CLOEXEC | SOCK_NONBLOCK));
	len = sizeof a;
	show_flags("accept4 0, address", accept4(fd, (struct sockaddr *)&a, &len, 0));
	/* Not through the library: musl tries again without the flag. */
	result("accept4, no such flag", syscall(SYS_accept4, fd, NULL, NULL, 0x10));
	close(fd);
}

static void accept_nonblocking(void)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int fd = new_listener();
	set_nonblocking(fd);
	show_poll("nobody", fd, POLLIN | POLLOUT, 0);
	result("accept", accept(fd, NULL, NULL));
	result("accept, address", accept(fd, (struct sockaddr *)&a, &len));
	sync_with("come");
	show_poll("somebody", fd, POLLIN | POLLOUT, -1);
	int c = accept(fd, (struct sockaddr *)&a, &len);
	show_address("accept", c, &a, &len);
	say("accepted socket is %s", fcntl(c, F_GETFL) & O_NONBLOCK ? "nonblocking" : "blocking");
	serve(c);
	result("accept", accept(fd, NULL, NULL));
	close(fd);
}

static void accept_many(void)
{
	long total = 0;
	int fd = new_listener();
	for (int i = 0; i < cfg.bytes; i++) {
		struct sockaddr_storage a;
		socklen_t len = sizeof a;
		char buffer[64];
		int c = i % 2 ? accept(fd, NULL, NULL) : accept(fd, (struct sockaddr *)&a, &len);
		if (c < 0)
			die("accept");
		ssize_t n;
		while ((n = read(c, buffer, sizeof buffer)) > 0) {
			total += n;
			if (write(c, buffer, n) != n)
				die("write");
		}
		close(c);
	}
	say("%ld bytes", total);
	close(fd);
}

static int shared_listener;
static long come; /* connections of both threads */

static void *accept_shared(void *with_address)
{
	for (;;) {
		struct sockaddr_storage a;
		socklen_t len = sizeof a;
		int c = with_address ? accept(shared_listener, (struct sockaddr *)&a, &len) : accept(shared_listener, NULL, NULL);
		if (c < 0)
			die("accept");
		close(c);
		if (__sync_add_and_fetch(&come, 1) == cfg.bytes) {
			say("%ld connections", cfg.bytes);
			exit(0); /* while the other thread waits */
		}
	}
}

/* Two threads accept from one listener, one with an address. */
static void accept_both(void)
{
	pthread_t t;
	shared_listener = new_listener();
	pthread_create(&t, NULL, accept_shared, &shared_listener);
	accept_shared(NULL);
}

static void accept_bad(void)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int fd = new_unbound_listener();
	result("accept, fresh", accept(fd, NULL, NULL));
	result("accept, fresh, address", accept(fd, (struct sockaddr *)&a, &len));
	result("close", close(fd));
	fd = new_listener();
	result("connect on a listener", connect(fd, (struct sockaddr *)&a, peer_address(&a)));
	result("listen again", listen(fd, 5));
	result("shutdown", shutdown(fd, SHUT_RDWR));
	close(fd);
}

static void listen_unbound(void)
{
	int fd = new_unbound_listener();
	result("listen", listen(fd, 1));
	say("@port %d", local_port(fd));
	say("port is %s", local_port(fd) ? "chosen" : "0");
	int c = accept(fd, NULL, NULL);
	serve(c);
	close(fd);
}

static void bind_states(void)
{
	struct sockaddr_storage a;
	socklen_t len = loopback(&a, 0);
	int fd = new_unbound_listener(), other;
	result("bind", bind(fd, (struct sockaddr *)&a, len));
	int port = local_port(fd);
	say("port is %s", port ? "chosen" : "0");
	result("bind again", bind(fd, (struct sockaddr *)&a, len));
	result("listen", listen(fd, 5));
	loopback(&a, port);
	other = new_unbound_listener();
	result("bind to a port in use", bind(other, (struct sockaddr *)&a, len));
	result("bind, address cut short", bind(other, (struct sockaddr *)&a, 3));
	loopback(&a, 0);
	result("bind elsewhere after that", bind(other, (struct sockaddr *)&a, len));
	a.ss_family = 77;
	result("bind, family unknown", bind(new_unbound_listener(), (struct sockaddr *)&a, len));
	close(other);
	result("close", close(fd));
}

static void bind_foreign(void)
{
	struct sockaddr_storage a;
	socklen_t len = loopback(&a, 0);
	if (cfg.family == AF_INET6)
		inet_pton(AF_INET6, "2001:db8::1", &((struct sockaddr_in6 *)&a)->sin6_addr);
	else
		inet_pton(AF_INET, "192.0.2.1", &((struct sockaddr_in *)&a)->sin_addr);
	result("bind to an address of another machine", bind(new_unbound_listener(), (struct sockaddr *)&a, len));
}

/* A port is free again as soon as its listener is closed. */
static void rebind(void)
{
	struct sockaddr_storage a;
	int fd = new_listener();
	int port = local_port(fd);
	socklen_t len = loopback(&a, port);
	serve(accept(fd, NULL, NULL));
	result("close", close(fd));
	for (int i = 0; i < 3; i++) {
		fd = new_unbound_listener();
		result("bind", bind(fd, (struct sockaddr *)&a, len));
		result("listen", listen(fd, 5));
		sync_with("rebound");
		serve(accept(fd, NULL, NULL));
		close(fd);
	}
	sync_with("gone");
}

static void reuseport(void)
{
	struct sockaddr_storage a;
	int on = 1;
	int one = new_unbound_listener(), two = new_unbound_listener();
	socklen_t len = loopback(&a, 0);
	result("SO_REUSEPORT", setsockopt(one, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on));
	result("SO_REUSEPORT", setsockopt(two, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on));
	result("bind", bind(one, (struct sockaddr *)&a, len));
	len = loopback(&a, local_port(one));
	result("bind", bind(two, (struct sockaddr *)&a, len));
	result("listen", listen(one, 5));
	result("listen", listen(two, 5));
	close(one);
	close(two);
}

static void backlog(void)
{
	int good = 0;
	int fd = new_listener();
	sync_with("listening"); /* until all of them are there */
	for (int i = 0; i < cfg.bytes; i++) {
		char c = 0;
		int a = accept(fd, NULL, NULL);
		good += a >= 0 && read(a, &c, 1) == 1 && write(a, &c, 1) == 1;
		close(a);
	}
	say("%d connections", good);
	close(fd);
}

const struct scenario server_scenarios[] = {
	{ "accept", accept_plain },
	{ "accept-address", accept_address },
	{ "accept-flags", accept_flags },
	{ "accept-nonblocking", accept_nonblocking },
	{ "accept-many", accept_many },
	{ "accept-both", accept_both },
	{ "accept-bad", accept_bad },
	{ "listen-unbound", listen_unbound },
	{ "bind-states", bind_states },
	{ "bind-foreign", bind_foreign },
	{ "rebind", rebind },
	{ "reuseport", reuseport },
	{ "backlog", backlog },
	{ NULL, NULL },
};
