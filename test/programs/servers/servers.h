/* servers.h - what the ways to write a server share: see main.c. */
#ifndef SERVERS_H
#define SERVERS_H 1

#include <netinet/tls.h>
#include <stddef.h>

extern const char *chain, *key;

/* check ends the program when a call failed. */
int check(int result, const char *what);

/* listener returns a listening TLS socket; *port is its port, chosen when 0. */
int listener(int flags, int reuseport, int *port);

/* announce tells the test where to connect. */
void announce(int port);

/* spawn forks a child that ends with its parent. */
int spawn(void);

/* talk answers each line with the process's number, the line, and whether the
 * socket knows its peer, until the client ends; then it closes. */
void talk(int fd);

/* answer is one line's answer. */
size_t answer(int fd, const char *line, size_t len, char *reply, size_t size);

void prefork(void);
void threads(void);
void epoll_workers(void);
void epoll_threads(void);
void reuseport(void);
void re_exec(char **argv);
void re_execed(int fd);
void activate(char **argv);
void activated(void);
void passing(void);
void inetd(void);

#endif
