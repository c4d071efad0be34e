/* link.h - one connection of a benchmark program, made in three ways.
 *
 * link_socket.c makes it with the socket calls alone: plain TCP, or with
 * -DLINK_PROTOCOL=IPPROTO_TLS a TLS socket of the operating system.
 * link_openssl.c makes it with OpenSSL in the program. The programs themselves
 * do not differ, so what is compared is how the connection is made.
 */
#ifndef LINK_H
#define LINK_H

#include <stddef.h>
#include <sys/types.h>

struct link {
	int fd;
	int resumed; /* OpenSSL: the handshake was an abbreviated one */
	void *tls;   /* the library's own state, if there is a library */
};

/* Where a client goes, and what it believes: without a root and the system's, it
 * asks no proof at all, as load generators do. */
struct link_peer {
	const char *address, *port; /* numeric */
	const char *name;           /* the name to verify */
	const char *ca;             /* a root to trust, or NULL */
	const char *bundle;         /* "file", "folder": the system's roots too; or NULL */
	int resume;                 /* keep sessions: link_close fills *session */
};

/* Clients block. */
void link_client(const struct link_peer *peer);
int link_dial(struct link *l, const struct link_peer *peer, void **session);

/* Servers do not: link_accept returns 1 for a connection, 0 when there is none
 * now. link_ready returns 1 when bytes may be read and written, 0 when the
 * descriptor has to be waited for, -1 when the peer has to go. */
int link_listen(const char *address, const char *port, const char *chain, const char *key);
int link_accept(int listener, struct link *l);
int link_ready(struct link *l);

/* As read(2) and write(2): -1 and EAGAIN when it has to be waited for. */
ssize_t link_read(struct link *l, void *buf, size_t len);
ssize_t link_write(struct link *l, const void *buf, size_t len);

/* With a session, what the peer gave for the next time is put there. */
void link_close(struct link *l, void **session);

/* link_write_all writes all of it, or returns -1. */
int link_write_all(struct link *l, const void *buf, size_t len);

/* Prints why, and ends the program. */
void die(const char *what);

#endif
