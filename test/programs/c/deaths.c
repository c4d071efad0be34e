/* Programs that die or fork away, and what becomes of their connections. */
#include "trace.h"

/* Everything written before a death goes out, and then the end. */
static void write_and(const char *how)
{
	static unsigned char block[1000];
	struct stream s = { 0 };
	int fd = connected();
	while (s.total < cfg.bytes) {
		stream_fill(&s, block, sizeof block);
		if (write(fd, block, sizeof block) != sizeof block)
			die("write");
	}
	say("wrote %ld bytes, checksum %016llx", s.total, s.sum);
	note("written");
	if (!strcmp(how, "kill"))
		raise(SIGKILL);
	if (!strcmp(how, "exit"))
		exit(0);
	if (!strcmp(how, "close"))
		close(fd);
	if (!strcmp(how, "exec")) {
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		execl(self, self, "say-done", (char *)NULL);
	}
	sync_with("closed");
}

static void die_killed(void) { write_and("kill"); }
static void die_exit(void) { write_and("exit"); }
static void die_close(void) { write_and("close"); }
static void die_exec(void) { write_and("exec"); }
static void say_done(void) { say("new program"); sync_with("closed"); }

/* Forks away, as daemons do, and serves one client after its parent has gone. */
static void daemonised(void)
{
	char c;
	pid_t parent = getpid();
	fflush(stdout);
	if (fork() > 0)
		_exit(5);
	setsid();
	while (getppid() == parent)
		poll(NULL, 0, 1);
	int fd = new_listener();
	int s = accept(fd, NULL, NULL);
	if (read(s, &c, 1) == 1 && write(s, &c, 1) == 1)
		say("served");
	close(s);
}

const struct scenario death_scenarios[] = {
	{ "killed", die_killed },
	{ "exit", die_exit },
	{ "close", die_close },
	{ "cloexec", die_exec },
	{ "say-done", say_done },
	{ "daemon", daemonised },
	{ NULL, NULL },
};
