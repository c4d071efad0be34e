/* Makes every TCP socket of a program a TLS socket, by LD_PRELOAD: the suites
 * know nothing of TLS, and their own view of protocols stays as it is. Who they
 * are and whom they trust is the policy's. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tls.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket(int family, int type, int protocol)
{
	int stream = (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM;
	int internet = family == AF_INET || family == AF_INET6;

	if (stream && internet && (protocol == 0 || protocol == IPPROTO_TCP))
		protocol = IPPROTO_TLS;
	return syscall(SYS_socket, family, type, protocol);
}
