/* Descriptors that travel: dup, fork, exec, threads, SCM_RIGHTS. */
#include "trace.h"
#include <pthread.h>

static void finish_child(pid_t child)
{
	int status;
	waitpid(child, &status, 0);
	say("child ended with %d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void exchange(int fd, const char *what)
{
	char buffer[64];
	long n = strlen(what);
	result("write", write(fd, what, n));
	show_data("read", recv(fd, buffer, n, MSG_WAITALL), buffer);
}

static void forked(void)
{
	int fd = connected();
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		exchange(fd, "from the child");
		result("shutdown", shutdown(fd, SHUT_WR));
		drain("read", fd);
		_exit(7);
	}
	close(fd);
	finish_child(child);
}

/* The connection ends when the last copy is closed, not the first. */
static void forked_both(void)
{
	int fd = connected();
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		close(fd);
		_exit(0);
	}
	finish_child(child);
	exchange(fd, "the parent goes on");
	close(fd);
	sync_with("closed");
}

/* The child connects a socket that its parent made. */
static void forked_before_connect(void)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		socklen_t len = peer_address(&a);
		result("connect", connect(fd, (struct sockaddr *)&a, len));
		_exit(0);
	}
	finish_child(child);
	exchange(fd, "the parent uses it");
	close(fd);
}

static void forked_server(void)
{
	int fd = new_listener();
	for (int i = 0; i < 3; i++) {
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			struct sockaddr_storage a;
			socklen_t len = sizeof a;
			char buffer[16];
			int c = i % 2 ? accept(fd, (struct sockaddr *)&a, &len) : accept(fd, NULL, NULL);
			show_data("read", recv(c, buffer, 5, MSG_WAITALL), buffer);
			result("write", write(c, buffer, 5));
			_exit(0);
		}
		note("child");
		finish_child(child);
	}
	close(fd);
}

static void duplicated(void)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	int d = dup(fd);
	socklen_t len = peer_address(&a);
	result("connect the copy", connect(d, (struct sockaddr *)&a, len));
	exchange(fd, "through the first");
	result("close the first", close(fd));
	exchange(d, "through the copy");
	int e = fcntl(d, F_DUPFD_CLOEXEC, 100);
	say("F_DUPFD_CLOEXEC: %s", e >= 100 && fcntl(e, F_GETFD) == FD_CLOEXEC ? "yes" : "no");
	close(d);
	exchange(e, "through the third");
	/* dup2 over a socket closes what was there. */
	int f = new_socket();
	say("dup2: %s", dup2(e, f) == f ? "yes" : "no");
	close(e);
	exchange(f, "through the fourth");
	close(f);
}

static void executed(void)
{
	char fd[32], proto[32];
	int s = connected();
	snprintf(fd, sizeof fd, "fd=%d", s);
	snprintf(proto, sizeof proto, "proto=%d", cfg.proto);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		execl(self, self, "exec-inherited", fd, proto, (char *)NULL);
		_exit(99);
	}
	close(s);
	finish_child(child);
}

static void exec_inherited(void)
{
	int type = 0;
	socklen_t len = sizeof type;
	getsockopt(cfg.fd, SOL_SOCKET, SO_TYPE, &type, &len);
	say("inherited a %s socket", type == SOCK_STREAM ? "stream" : "strange");
	exchange(cfg.fd, "after exec");
	result("shutdown", shutdown(cfg.fd, SHUT_WR));
	drain("read", cfg.fd);
}

static void *reader(void *arg)
{
	drain("read", *(int *)arg);
	return NULL;
}

static void threads(void)
{
	static unsigned char block[30000];
	struct stream s = { 0 };
	pthread_t t;
	int fd = connected();
	pthread_create(&t, NULL, reader, &fd);
	while (s.total < cfg.bytes) {
		stream_fill(&s, block, sizeof block);
		for (long done = 0; done < (long)sizeof block;) {
			ssize_t n = write(fd, block + done, sizeof block - done);
			if (n < 0)
				die("write");
			done += n;
		}
	}
	shutdown(fd, SHUT_WR);
	pthread_join(t, NULL);
	say("wrote %ld bytes, checksum %016llx", s.total, s.sum);
	close(fd);
}

static void *connecter(void *arg)
{
	long *good = arg;
	for (int i = 0; i < 10; i++) {
		char c = 0;
		int fd = connected();
		*good += write(fd, "x", 1) == 1 && read(fd, &c, 1) == 1 && c == 'x';
		close(fd);
	}
	return NULL;
}

static void threads_connect(void)
{
	pthread_t t[8];
	long good[8] = { 0 }, all = 0;
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, connecter, &good[i]);
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], NULL);
		all += good[i];
	}
	say("%ld connections", all);
}

static void send_fd(int through, int fd)
{
	char c = 'f', control[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	if (sendmsg(through, &m, 0) != 1)
		die("sendmsg");
}

static int receive_fd(int through)
{
	char c, control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	int fd;
	if (recvmsg(through, &m, 0) != 1 || !CMSG_FIRSTHDR(&m))
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

/* One passed connected, one passed fresh and connected by who got it. */
static void passed(void)
{
	struct sockaddr_storage a;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		die("socketpair");
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		close(pair[0]);
		int fd = receive_fd(pair[1]);
		exchange(fd, "passed connected");
		close(fd);
		fd = receive_fd(pair[1]);
		socklen_t len = peer_address(&a);
		result("connect", connect(fd, (struct sockaddr *)&a, len));
		exchange(fd, "passed fresh");
		close(fd);
		_exit(0);
	}
	close(pair[1]);
	int fd = connected();
	send_fd(pair[0], fd);
	close(fd);
	fd = new_socket();
	send_fd(pair[0], fd);
	close(fd);
	finish_child(child);
}

/* A descriptor sent over the connection itself goes nowhere; the byte does. */
static void passed_over(void)
{
	int null = open("/dev/null", O_RDONLY);
	int fd = connected();
	char c = 'f', control[CMSG_SPACE(sizeof null)] = { 0 };
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof null);
	memcpy(CMSG_DATA(h), &null, sizeof null);
	result("sendmsg", sendmsg(fd, &m, 0));
	exchange(fd, "goes on");
	close(fd);
}

const struct scenario process_scenarios[] = {
	{ "fork", forked },
	{ "fork-both", forked_both },
	{ "fork-before-connect", forked_before_connect },
	{ "fork-server", forked_server },
	{ "dup", duplicated },
	{ "exec", executed },
	{ "exec-inherited", exec_inherited },
	{ "threads", threads },
	{ "threads-connect", threads_connect },
	{ "scm-rights", passed },
	{ "scm-rights-over", passed_over },
	{ NULL, NULL },
};
