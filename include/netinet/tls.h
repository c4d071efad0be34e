/*
 * netinet/tls.h - TLS as a socket protocol (the Secure Socket API)
 *
 *	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TLS);
 *
 * makes a socket that behaves as a TCP socket does, except that connect() and
 * accept() return only when the handshake is done and the peer is verified.
 * Options are set and read with setsockopt() and getsockopt() at level
 * IPPROTO_TLS. Strings may be set with or without their NUL and are returned
 * with it; ints may be set with any length of at least 4. Copyright and licence: see LICENSE (Apache-2.0).
 */

#ifndef NETINET_TLS_H
#define NETINET_TLS_H 1

#include <sys/socket.h>
#include <netinet/in.h>

/* The protocol for socket(), and the level of the options. */
#ifndef IPPROTO_TLS
#define IPPROTO_TLS 205
#endif

/* The family of a struct sockaddr_host: connect by name. */
#ifndef AF_HOSTNAME
#define AF_HOSTNAME 43
#endif

/* At level IPPROTO_TCP: turn a connected TCP socket into a TLS socket. */
#ifndef TCP_UPGRADE_TLS
#define TCP_UPGRADE_TLS 33
#endif

/* A host name as an address. The name ends at its NUL or at the address
 * length given to connect(), whichever comes first. */
struct host_addr {
	unsigned char name[255];
};

struct sockaddr_host {
	sa_family_t sin_family;    /* AF_HOSTNAME */
	in_port_t sin_port;        /* network byte order */
	struct host_addr sin_addr;
};

/* Who is who. */
#define TLS_REMOTE_HOSTNAME 85            /* string: the name to verify, sent as SNI */
#define TLS_HOSTNAME 86                   /* string: our name; accepted: the name asked for */
#define TLS_TRUSTED_PEER_CERTIFICATES 87  /* PEM or path: roots, or the peer's own certificate */
#define TLS_CERTIFICATE_CHAIN 88          /* PEM or path: our chain, leaf first; repeatable */
#define TLS_PRIVATE_KEY 89                /* PEM or path: key of a chain given before; repeatable */
#define TLS_REQUEST_PEER_AUTH 94          /* int: client certificate 0 no, 1 required, 2 asked for */

/* How it is done. None of these can weaken the administrator's policy. */
#define TLS_ALPN 90                       /* string: protocols, comma-separated, best first */
#define TLS_SESSION_TTL 91                /* int: seconds a session may be resumed; 0: never */
#define TLS_DISABLE_CIPHER 92             /* string: one suite not to use; repeatable */
#define TLS_TRUSTED_CIPHERS 97            /* string: only these suites, colon-separated */
#define TLS_ENABLE_CIPHER 110             /* string: undo a TLS_DISABLE_CIPHER; repeatable */
#define TLS_VERSION_MIN 111               /* int: TLS_1_2 or TLS_1_3 */
#define TLS_VERSION_MAX 112               /* int: the same */
#define TLS_CONTEXT 107                   /* uint64_t: share the settings of the socket with that TLS_ID */
#define TLS_SESSION_REUSE 108             /* int: whether sessions are resumed */
#define TLS_REVOCATION_CHECKS 102         /* int: 1: check revocation, whatever the policy says */
#define TLS_OCSP_STAPLED_CHECKS 103       /* int: whether stapled OCSP may answer */
#define TLS_OCSP_CHECKS 104               /* int: whether OCSP may answer */
#define TLS_CRL_CHECKS 105                /* int: whether CRLs may answer */
#define TLS_CACHED_REV_CHECKS 106         /* int: whether cached answers may serve */
#define TLS_SERVER_OCSP_STAPLING 122      /* int: a server staples OCSP answers */

/* Values of TLS_VERSION_MIN, TLS_VERSION_MAX and TLS_VERSION_CONN. */
#define TLS_1_2 0x0303
#define TLS_1_3 0x0304

/* What came of it. */
#define TLS_PEER_IDENTITY 93              /* string: the verified name of the peer */
#define TLS_PEER_CERTIFICATE_CHAIN 95     /* string: PEM, leaf first */
#define TLS_ID 96                         /* uint64_t: the connection's number in logs */
#define TLS_CHOSEN_CIPHER 98              /* string: IANA name of the suite */
#define TLS_RESUMED_SESSION 109           /* int: whether a session was resumed */
#define TLS_VERSION_CONN 113              /* int: TLS_1_2 or TLS_1_3 */
#define TLS_ERROR 100                     /* string: why the last operation on this socket failed */

#endif /* NETINET_TLS_H */
