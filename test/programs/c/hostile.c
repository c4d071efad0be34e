/* Programs that are broken or mean. What matters is what they do to others. */
#include "trace.h"
#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

/* Every call on a TLS socket, with arguments of every bad kind. The answers
 * are whatever they are; none may be a success or a hang. */
static void wild(void)
{
	static const uintptr_t addresses[] = { 0, 8, 0x7fffffffffffULL, 0x800000000000ULL, UINTPTR_MAX, UINTPTR_MAX - 4 };
	static const long lengths[] = { 0, 1, 3, 28, 4096, 1 << 20, 0x7fffffff, 0xffffffff, -1 };
	long good = 0, calls = 0;
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
		for (size_t j = 0; j < sizeof lengths / sizeof *lengths; j++) {
			uintptr_t p = addresses[i];
			long n = lengths[j];
			int fd = socket(cfg.family, SOCK_STREAM, cfg.proto);
			if (fd < 0)
				die("socket");
			good += syscall(SYS_connect, fd, p, n) >= 0;
			good += syscall(SYS_bind, fd, p, n) >= 0;
			good += n && syscall(SYS_setsockopt, fd, IPPROTO_TLS, TLS_REMOTE_HOSTNAME, p, n) >= 0;
			good += n && syscall(SYS_setsockopt, fd, IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, p, n) >= 0;
			good += syscall(SYS_getsockopt, fd, IPPROTO_TLS, TLS_REMOTE_HOSTNAME, p, p) >= 0;
			good += syscall(SYS_getsockopt, fd, IPPROTO_TLS, TLS_ERROR, p, p) >= 0;
			good += syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, p, p) >= 0;
			good += syscall(SYS_getsockname, fd, p, p) >= 0;
			good += syscall(SYS_getpeername, fd, p, p) >= 0;
			good += syscall(SYS_sendto, fd, p, n, MSG_NOSIGNAL, p, n) > 0;
			good += syscall(SYS_sendmsg, fd, p, MSG_NOSIGNAL) > 0;
			calls += 11;
			close(fd);
		}
	say("%ld of %ld wild calls succeeded", good, calls);
}

/* One thread connects a descriptor while others close it, reopen it as
 * something else, and ask for its options. */
static volatile int race_fd = -1, race_over;

static void *race_closer(void *arg)
{
	(void)arg;
	while (!race_over) {
		int null = open("/dev/null", O_RDWR);
		int fd = race_fd;
		if (fd > 2)
			dup2(null, fd);
		close(null);
	}
	return NULL;
}

static void *race_asker(void *arg)
{
	char text[256];
	(void)arg;
	while (!race_over) {
		socklen_t len = sizeof text;
		struct sockaddr_storage a;
		int fd = race_fd;
		if (fd > 2) {
			getsockopt(fd, IPPROTO_TLS, TLS_ERROR, text, &len);
			len = sizeof a;
			getpeername(fd, (struct sockaddr *)&a, &len);
			shutdown(fd, SHUT_WR);
		}
	}
	return NULL;
}

static void close_race(void)
{
	pthread_t t[2];
	struct sockaddr_storage a;
	signal(SIGPIPE, SIG_IGN);
	pthread_create(&t[0], NULL, race_closer, NULL);
	pthread_create(&t[1], NULL, race_asker, NULL);
	for (int i = 0; i < cfg.bytes; i++) {
		int fd = socket(cfg.family, SOCK_STREAM, cfg.proto);
		if (fd < 0)
			die("socket");
		race_fd = fd;
		/* May be another file by now, so nothing here has to succeed. */
		if (setsockopt(fd, IPPROTO_TLS, TLS_REMOTE_HOSTNAME, cfg.name, strlen(cfg.name)) < 0)
			errno = 0;
		if (connect(fd, (struct sockaddr *)&a, peer_address(&a)) == 0 && write(fd, "x", 1) < 0)
			errno = 0;
		race_fd = -1;
		close(fd);
	}
	race_over = 1;
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	say("survived");
}

/* Connects that never get an answer, as many as the limits allow. */
static void half_open(void)
{
	struct rlimit r;
	long started = 0, refused = 0;
	struct sockaddr_storage a;
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	for (long i = 0; i < cfg.bytes; i++) {
		int fd = socket(cfg.family, SOCK_STREAM | SOCK_NONBLOCK, cfg.proto);
		if (fd < 0) {
			refused++;
			continue;
		}
		if (connect(fd, (struct sockaddr *)&a, peer_address(&a)) < 0 && errno == EINPROGRESS)
			started++;
		else
			refused++;
	}
	say("@started %ld refused %ld", started, refused);
	sync_with("open");
}

/* Connections one after the other: fd=N of them between two syncs. */
static void churn(void)
{
	for (int round = 0; round < 2; round++) {
		long n = round == 0 ? 100 : cfg.bytes;
		for (long i = 0; i < n; i++) {
			char c = 0;
			int fd = connected();
			if (write(fd, "x", 1) != 1 || read(fd, &c, 1) != 1)
				die("exchange");
			close(fd);
		}
		sync_with(round == 0 ? "few" : "all");
	}
}

/* Sockets that are made and closed, and ones that listen and are closed. */
static void churn_unused(void)
{
	for (int round = 0; round < 2; round++) {
		for (long i = 0; i < (round == 0 ? 100 : cfg.bytes); i++) {
			struct sockaddr_storage a;
			int fd = socket(cfg.family, SOCK_STREAM, cfg.proto);
			if (fd < 0)
				die("socket");
			if (i % 3 == 1 && bind(fd, (struct sockaddr *)&a, loopback(&a, 0)) < 0)
				die("bind");
			if (i % 3 == 2 && (connect(fd, (struct sockaddr *)&a, loopback(&a, cfg.other)) == 0 || errno != ECONNREFUSED))
				die("connect to nobody");
			close(fd);
		}
		sync_with(round == 0 ? "few" : "all");
	}
}

/* Children that connect and are killed at some moment. */
static void killed_children(void)
{
	struct timespec pause = { 0, 0 };
	for (long i = 0; i < cfg.bytes; i++) {
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			for (;;) {
				struct sockaddr_storage a;
				int fd = socket(cfg.family, SOCK_STREAM, cfg.proto);
				prepare_client(fd);
				if (connect(fd, (struct sockaddr *)&a, peer_address(&a)) == 0 && write(fd, "x", 1) < 0)
					_exit(1);
				close(fd);
			}
		}
		pause.tv_nsec = i * 7919 % 6000 * 1000; /* any moment in the first 6 ms */
		nanosleep(&pause, NULL);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	char c = 0;
	int fd = connected();
	say("afterwards: %s", write(fd, "x", 1) == 1 && read(fd, &c, 1) == 1 ? "works" : errno_name(errno));
	close(fd);
}

const struct scenario hostile_scenarios[] = {
	{ "wild", wild },
	{ "close-race", close_race },
	{ "half-open", half_open },
	{ "churn", churn },
	{ "churn-unused", churn_unused },
	{ "killed-children", killed_children },
	{ NULL, NULL },
};
