/* Connections made with OpenSSL in the program, as its manual pages show. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "link_tcp.h"

/* The suite that Go prefers: with another one, ciphers would be compared. */
#define SUITE "TLS_AES_128_GCM_SHA256"

static SSL_CTX *context;

static void refuse(const char *what)
{
	fprintf(stderr, "%s: ", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void start(const SSL_METHOD *method)
{
	context = SSL_CTX_new(method);
	if (context == NULL || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) ||
	    !SSL_CTX_set_ciphersuites(context, SUITE))
		refuse("SSL_CTX_new");
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static int no_delay(int fd)
{
	int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void link_client(const struct link_peer *peer)
{
	start(TLS_client_method());
	if (peer->ca != NULL || peer->bundle != NULL)
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (peer->bundle != NULL && strcmp(peer->bundle, "file") == 0 &&
	    !SSL_CTX_load_verify_file(context, "/etc/ssl/certs/ca-certificates.crt"))
		refuse("the system's roots");
	if (peer->bundle != NULL && strcmp(peer->bundle, "folder") == 0 &&
	    !SSL_CTX_load_verify_dir(context, "/etc/ssl/certs"))
		refuse("the system's roots");
	if (peer->ca != NULL && !SSL_CTX_load_verify_file(context, peer->ca))
		refuse(peer->ca);
	if (peer->resume)
		SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}

int link_dial(struct link *l, const struct link_peer *peer, void **session)
{
	SSL *ssl;

	memset(l, 0, sizeof *l);
	if ((l->fd = socket(tcp_family(peer->address), SOCK_STREAM, 0)) == -1)
		return -1;
	if (tcp_connect(l->fd, peer->address, peer->port) == -1 || no_delay(l->fd) == -1)
		goto failed;
	if ((l->tls = ssl = SSL_new(context)) == NULL || !SSL_set_fd(ssl, l->fd) ||
	    !SSL_set_tlsext_host_name(ssl, peer->name) || !SSL_set1_host(ssl, peer->name))
		refuse("SSL_new");
	if (session != NULL && *session != NULL)
		SSL_set_session(ssl, *session);
	if (SSL_connect(ssl) != 1) {
		ERR_print_errors_fp(stderr);
		SSL_free(ssl);
		errno = EPROTO;
		goto failed;
	}
	l->resumed = SSL_session_reused(ssl);
	return 0;
failed:
	close(l->fd);
	return -1;
}

int link_listen(const char *address, const char *port, const char *chain, const char *key)
{
	int fd = socket(tcp_family(address), SOCK_STREAM | SOCK_NONBLOCK, 0);

	start(TLS_server_method());
	if (SSL_CTX_use_certificate_chain_file(context, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		refuse("the server's certificate");
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); /* idle connections hold none */
	if (fd == -1 || tcp_listen(fd, address, port) == -1)
		die("listen");
	return fd;
}

int link_accept(int listener, struct link *l)
{
	SSL *ssl;

	memset(l, 0, sizeof *l);
	if ((l->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) == -1)
		return 0;
	no_delay(l->fd);
	if ((l->tls = ssl = SSL_new(context)) == NULL || !SSL_set_fd(ssl, l->fd))
		refuse("SSL_new");
	return 1;
}

/* Turns what OpenSSL says into what read(2) would. */
static ssize_t outcome(SSL *ssl, int rc)
{
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		ERR_clear_error();
		if (errno == 0 || errno == EAGAIN)
			errno = EPROTO;
		return -1;
	}
}

int link_ready(struct link *l)
{
	int rc;

	if (SSL_is_init_finished(l->tls))
		return 1;
	if ((rc = SSL_accept(l->tls)) == 1)
		return 1;
	return outcome(l->tls, rc) == -1 && errno == EAGAIN ? 0 : -1;
}

ssize_t link_read(struct link *l, void *buf, size_t len)
{
	int n = SSL_read(l->tls, buf, len > 1 << 30 ? 1 << 30 : (int)len);

	return n > 0 ? n : outcome(l->tls, n);
}

ssize_t link_write(struct link *l, const void *buf, size_t len)
{
	int n = SSL_write(l->tls, buf, len > 1 << 30 ? 1 << 30 : (int)len);

	return n > 0 ? n : outcome(l->tls, n);
}

void link_close(struct link *l, void **session)
{
	SSL_shutdown(l->tls); /* close_notify; the peer's is not waited for */
	if (session != NULL) {
		if (*session != NULL)
			SSL_SESSION_free(*session);
		*session = SSL_get1_session(l->tls);
	}
	SSL_free(l->tls);
	close(l->fd);
}
