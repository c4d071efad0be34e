/* The numbers that socket.pml and report.h have in common. */

/* state */
#define plain 1
#define fresh 2
#define connecting 3
#define connected 4
#define failed 5
#define listening 6
#define gone 7

/* why there is no connection */
#define UNTRUSTED 1
#define DOWN 2
#define CANCELLED 3
#define TRUNCATED 4
#define NETWORK 5

/* relay */
#define OPEN 0
#define HALF 1      /* the peer has ended its side */
#define ENDED 2
#define CUT 3

/* waits */
#define WAITING 1
#define INTERRUPTED 2 /* by a signal that nobody was told of */

/* other */
#define DUP 1
#define FORK 2
#define OLDER 3     /* a child's copy of what has been replaced */
#define RAW 4       /* a child's copy of the TCP connection under TLS */

/* result: the error numbers of Linux, and */
#define NOTHING 0
#define OK 200
#define PENDING 201
#define END_OF_FILE 202
#define CONNECTION 203
#define INTERRUPT 204
#define TAKEN 205
#define REFUSED 206
#define EAGAIN 11
#define EBUSY 16
#define EINVAL 22
#define EPROTO 71
#define ENETDOWN 100
#define ECONNABORTED 103
#define ECONNRESET 104
#define EISCONN 106
#define ENOTCONN 107
#define EALREADY 114
#define EINPROGRESS 115
