/*
 * What all the test programs share: their settings, the transcript, and the
 * conversation with the test that runs them.
 *
 * A program prints one line per call, and nothing in it that may differ from
 * run to run (descriptor and port numbers, times). Lines that start with '@'
 * are for the test and no part of the transcript.
 */
#ifndef TRACE_H
#define TRACE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/tls.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct settings {
	int proto;         /* IPPROTO_TCP or IPPROTO_TLS */
	int family;        /* AF_INET or AF_INET6 */
	int port;          /* the peer's */
	int other;         /* another port: nobody listens there */
	const char *name;  /* the peer's name, for verification */
	const char *ca;    /* extra roots, may be NULL */
	const char *chain; /* our own certificate, for listeners */
	const char *key;
	const char *file;  /* a file to send, or whatever the scenario says */
	long bytes;        /* how much to move */
	int fd;            /* an inherited descriptor */
};
extern struct settings cfg;
extern const char *self; /* this program, for exec */

/* The transcript. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
long result(const char *call, long value); /* prints and returns value; keeps errno */
const char *errno_name(int e);
int show_poll(const char *when, int fd, int events, int timeout);
void show_so_error(int fd);
void show_address(const char *call, int value, const struct sockaddr_storage *a, const socklen_t *len);
void show_data(const char *call, long n, const void *data); /* a short result with its bytes */
long drain(const char *what, int fd); /* read to the end, print total and how it ended */

/* The conversation with the test. */
void note(const char *token);         /* tell */
void sync_with(const char *token);    /* tell, then wait until the test says go on */
void die(const char *what);           /* the test itself is broken */

/* Sockets made ready for the protocol of this run. */
int new_socket(void);                 /* a client's */
void prepare_client(int fd);          /* what new_socket does after socket() */
int new_listener(void);               /* bound to the loopback, listening, port told as "@port N" */
int new_unbound_listener(void);       /* with its certificate, not bound */
socklen_t peer_address(struct sockaddr_storage *a);
socklen_t loopback(struct sockaddr_storage *a, int port);
int connected(void);                  /* new_socket and a connect that must succeed */
int local_port(int fd);
void set_nonblocking(int fd);

/* Repeatable bytes, and a checksum over them. */
struct stream { unsigned long long state, sum; long total; };
void stream_fill(struct stream *s, unsigned char *p, long n);
void stream_add(struct stream *s, const unsigned char *p, long n);

/* The scenarios, by subject. */
struct scenario { const char *name; void (*run)(void); };
extern const struct scenario client_scenarios[], event_scenarios[], server_scenarios[],
	signal_scenarios[], process_scenarios[], bulk_scenarios[], call_scenarios[],
	option_scenarios[], address_scenarios[], plain_scenarios[], contract_scenarios[],
	end_scenarios[], hostile_scenarios[], death_scenarios[], crowd_scenarios[];

#endif
