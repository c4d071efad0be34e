/* Signals and time-outs of blocking calls. */
#include "trace.h"
#include <sys/time.h>

static volatile sig_atomic_t signals;
static void count(int s) { (void)s; signals++; }

static void handle(int signal, int flags)
{
	struct sigaction sa = { .sa_handler = count, .sa_flags = flags };
	sigemptyset(&sa.sa_mask);
	sigaction(signal, &sa, NULL);
}

static int asleep(pid_t pid)
{
	char path[64], text[512], *p;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		_exit(1);
	text[n] = 0;
	p = strrchr(text, ')');
	return p && p[1] == ' ' && p[2] == 'S';
}

/* A child sends one signal once its parent sleeps in the call that follows,
 * and then tells the test. */
static pid_t signal_when_asleep(int signal, const char *then)
{
	pid_t parent = getpid();
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		/* Asleep five times in a row: not just on its way there. */
		for (int calm = 0; calm < 5; poll(NULL, 0, 2))
			calm = asleep(parent) ? calm + 1 : 0;
		kill(parent, signal);
		for (int calm = 0; calm < 5; poll(NULL, 0, 2))
			calm = getppid() != parent || asleep(parent) ? calm + 1 : 0;
		if (then)
			note(then);
		_exit(0);
	}
	return child;
}

static void reap(pid_t child)
{
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	say("signals: %d", (int)signals);
}

static void connect_interrupted(int flags)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	socklen_t len = peer_address(&a);
	handle(SIGUSR1, flags);
	pid_t child = signal_when_asleep(SIGUSR1, "connecting");
	while (result("connect", connect(fd, (struct sockaddr *)&a, len)) < 0 && errno == EINTR)
		;
	reap(child);
	result("write", write(fd, "x", 1));
	close(fd);
}

static void eintr_connect(void) { connect_interrupted(0); }
static void restart_connect(void) { connect_interrupted(SA_RESTART); }

/* POSIX: an interrupted connect goes on by itself; poll tells the outcome. */
static void eintr_connect_poll(void)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	socklen_t len = peer_address(&a);
	handle(SIGUSR1, 0);
	pid_t child = signal_when_asleep(SIGUSR1, NULL);
	result("connect", connect(fd, (struct sockaddr *)&a, len));
	reap(child);
	show_poll("connecting", fd, POLLIN | POLLOUT, 0);
	note("connecting");
	show_poll("waited", fd, POLLOUT, -1);
	show_so_error(fd);
	result("write", write(fd, "x", 1));
	close(fd);
}

static void accept_interrupted(int flags, int address)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int fd = new_listener(), c;
	handle(SIGUSR1, flags);
	pid_t child = signal_when_asleep(SIGUSR1, "come");
	do {
		c = address ? accept(fd, (struct sockaddr *)&a, &len) : accept(fd, NULL, NULL);
		say("accept %s", c >= 0 ? "gave a connection" : errno_name(errno));
	} while (c < 0 && errno == EINTR);
	reap(child);
	drain("read", c);
	close(c);
	set_nonblocking(fd);
	result("accept", accept(fd, NULL, NULL));
	close(fd);
}

static void eintr_accept(void) { accept_interrupted(0, 0); }
static void restart_accept(void) { accept_interrupted(SA_RESTART, 0); }
static void eintr_accept_address(void) { accept_interrupted(0, 1); }
static void restart_accept_address(void) { accept_interrupted(SA_RESTART, 1); }

static void read_interrupted(int flags)
{
	char buffer[16];
	ssize_t n;
	int fd = connected();
	handle(SIGUSR1, flags);
	pid_t child = signal_when_asleep(SIGUSR1, "answer");
	do {
		n = read(fd, buffer, sizeof buffer);
		show_data("read", n, buffer);
	} while (n < 0 && errno == EINTR);
	reap(child);
	close(fd);
}

static void eintr_read(void) { read_interrupted(0); }
static void restart_read(void) { read_interrupted(SA_RESTART); }

/* A storm of signals with SA_RESTART must not keep connect from ending. */
static void storm(void)
{
	struct sockaddr_storage a;
	struct itimerval fast = { { 0, 1000 }, { 0, 1000 } }, stop = { { 0, 0 }, { 0, 0 } };
	char c = 0;
	handle(SIGALRM, SA_RESTART);
	setitimer(ITIMER_REAL, &fast, NULL);
	for (int i = 0; i < 20; i++) {
		int fd = new_socket();
		socklen_t len = peer_address(&a);
		if (connect(fd, (struct sockaddr *)&a, len) < 0)
			die("connect");
		if (write(fd, "x", 1) != 1 || read(fd, &c, 1) != 1)
			die("exchange");
		close(fd);
	}
	setitimer(ITIMER_REAL, &stop, NULL);
	say("20 connections, signals came: %s", signals > 0 ? "yes" : "no");
}

/* Calls that never wait are not interrupted by signals, nor done twice. */
static void setup_storm(int flags)
{
	struct itimerval fast = { { 0, 200 }, { 0, 200 } }, stop = { { 0, 0 }, { 0, 0 } };
	struct sockaddr_storage a;
	handle(SIGALRM, flags);
	setitimer(ITIMER_REAL, &fast, NULL);
	for (int i = 0; i < cfg.bytes; i++) {
		int fd = new_unbound_listener(); /* socket and three setsockopts, or dies */
		socklen_t len = loopback(&a, 0);
		if (bind(fd, (struct sockaddr *)&a, len) < 0)
			die("bind");
		if (listen(fd, 5) < 0)
			die("listen");
		if (local_port(fd) == 0)
			die("local_port");
		set_nonblocking(fd);
		len = sizeof a;
		if (accept(fd, (struct sockaddr *)&a, &len) >= 0 || errno != EAGAIN)
			die("accept");
		close(fd);
	}
	setitimer(ITIMER_REAL, &stop, NULL);
	say("%ld listeners, signals came: %s", cfg.bytes, signals > 0 ? "yes" : "no");
}

static void storm_setup_restart(void) { setup_storm(SA_RESTART); }

static void set_timeout(int fd, int option, const char *name, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 }, got = { 0, 0 };
	socklen_t len = sizeof got;
	result(name, setsockopt(fd, SOL_SOCKET, option, &tv, sizeof tv));
	getsockopt(fd, SOL_SOCKET, option, &got, &len);
	say("%s: %ld.%06ld", name, (long)got.tv_sec, (long)got.tv_usec);
}

static void timeouts(void)
{
	static char block[65536];
	char c;
	long n;
	int fd = connected();
	set_timeout(fd, SO_RCVTIMEO, "SO_RCVTIMEO", 100);
	set_timeout(fd, SO_SNDTIMEO, "SO_SNDTIMEO", 100);
	result("read", read(fd, &c, 1));
	while ((n = write(fd, block, sizeof block)) > 0)
		;
	result("write to a peer that does not read", n);
	note("full");
	close(fd);
}

static void timeout_connect(void)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	socklen_t len = peer_address(&a);
	set_timeout(fd, SO_SNDTIMEO, "SO_SNDTIMEO", 100);
	result("connect", connect(fd, (struct sockaddr *)&a, len));
	result("connect", connect(fd, (struct sockaddr *)&a, len));
	set_timeout(fd, SO_SNDTIMEO, "SO_SNDTIMEO", 0);
	note("connecting");
	result("connect", connect(fd, (struct sockaddr *)&a, len));
	result("write", write(fd, "x", 1));
	close(fd);
}

static void timeout_accept(void)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	int fd = new_listener();
	set_timeout(fd, SO_RCVTIMEO, "SO_RCVTIMEO", 100);
	result("accept", accept(fd, NULL, NULL));
	result("accept, address", accept(fd, (struct sockaddr *)&a, &len));
	close(fd);
}

static void sigpipe(void)
{
	int fd = connected();
	handle(SIGPIPE, 0);
	result("shutdown", shutdown(fd, SHUT_WR));
	result("write", write(fd, "x", 1));
	say("SIGPIPE: %d", (int)signals);
	result("send MSG_NOSIGNAL", send(fd, "x", 1, MSG_NOSIGNAL));
	say("SIGPIPE: %d", (int)signals);
	close(fd);
}

const struct scenario signal_scenarios[] = {
	{ "eintr-connect", eintr_connect },
	{ "eintr-connect-poll", eintr_connect_poll },
	{ "restart-connect", restart_connect },
	{ "eintr-accept", eintr_accept },
	{ "restart-accept", restart_accept },
	{ "eintr-accept-address", eintr_accept_address },
	{ "restart-accept-address", restart_accept_address },
	{ "eintr-read", eintr_read },
	{ "restart-read", restart_read },
	{ "signal-storm", storm },
	{ "setup-storm-restart", storm_setup_restart },
	{ "timeouts", timeouts },
	{ "timeout-connect", timeout_connect },
	{ "timeout-accept", timeout_accept },
	{ "sigpipe", sigpipe },
	{ NULL, NULL },
};
