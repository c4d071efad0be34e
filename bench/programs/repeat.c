/* repeat.c - starts a program again and again, and says what that cost.
 *
 *	repeat times together program [arguments]
 *
 * Starts together processes at once and waits for all of them, times times.
 * Prints, as JSON, how long it took and the processor time of the processes and
 * of this program. Any process that does not end with status 0 ends it too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double used(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return u.ru_utime.tv_sec + u.ru_utime.tv_usec / 1e6 + u.ru_stime.tv_sec + u.ru_stime.tv_usec / 1e6;
}

static int batch(int together, char **argv)
{
	int i, rc, status, bad = 0;
	pid_t pid;

	for (i = 0; i < together; i++) {
		if ((rc = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ)) != 0) {
			fprintf(stderr, "repeat: %s: %s\n", argv[0], strerror(rc));
			exit(1);
		}
	}
	for (i = 0; i < together; i++) {
		if (wait(&status) == -1 || status != 0)
			bad = 1;
	}
	return bad;
}

int main(int argc, char **argv)
{
	int times, together, i;
	double start;

	if (argc < 4) {
		fprintf(stderr, "usage: repeat times together program [arguments]\n");
		return 2;
	}
	times = atoi(argv[1]);
	together = atoi(argv[2]);
	start = now();
	for (i = 0; i < times; i++) {
		if (batch(together, argv + 3) != 0) {
			fprintf(stderr, "repeat: %s did not end well\n", argv[3]);
			return 1;
		}
	}
	printf("{\"seconds\": %.6f, \"cpu\": %.6f}\n", now() - start, used(RUSAGE_CHILDREN) + used(RUSAGE_SELF));
	return 0;
}
