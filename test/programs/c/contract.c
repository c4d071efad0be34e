/* What the contract adds to TCP: verification, the TLS options, their errors. */
#include "trace.h"
#include <stddef.h>
#include <stdint.h>

static void show_string(int fd, int option, const char *name)
{
	char text[4096];
	socklen_t len = sizeof text;
	if (getsockopt(fd, IPPROTO_TLS, option, text, &len) < 0)
		say("%s: %s", name, errno_name(errno));
	else if (len == 0 || text[len - 1])
		say("%s: not ended by a NUL, length %d", name, (int)len);
	else
		say("%s: \"%s\"", name, text);
}

static void show_facts(int fd)
{
	int version = 0;
	uint64_t id = 0;
	socklen_t len = sizeof version;
	result("TLS_VERSION_CONN", getsockopt(fd, IPPROTO_TLS, TLS_VERSION_CONN, &version, &len));
	say("version: 0x%04x, length %d", version, (int)len);
	len = sizeof id;
	result("TLS_ID", getsockopt(fd, IPPROTO_TLS, TLS_ID, &id, &len));
	say("id: %s, length %d", id ? "given" : "none", (int)len);
	show_string(fd, TLS_PEER_IDENTITY, "TLS_PEER_IDENTITY");
	show_string(fd, TLS_CHOSEN_CIPHER, "TLS_CHOSEN_CIPHER");
	show_string(fd, TLS_ALPN, "TLS_ALPN");
	show_string(fd, TLS_HOSTNAME, "TLS_HOSTNAME");
	show_string(fd, TLS_REMOTE_HOSTNAME, "TLS_REMOTE_HOSTNAME");
	char pem[16384] = "";
	len = sizeof pem;
	result("TLS_PEER_CERTIFICATE_CHAIN", getsockopt(fd, IPPROTO_TLS, TLS_PEER_CERTIFICATE_CHAIN, pem, &len));
	say("chain: %s", strncmp(pem, "-----BEGIN CERTIFICATE-----\n", 28) ? "none" : "PEM");
}

/* By address, with whatever name and roots were given. */
static void verify(void)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	if (cfg.file)
		result("TLS_ALPN", setsockopt(fd, IPPROTO_TLS, TLS_ALPN, cfg.file, strlen(cfg.file)));
	if (result("connect", connect(fd, (struct sockaddr *)&a, peer_address(&a))) == 0)
		show_facts(fd);
	show_string(fd, TLS_ERROR, "TLS_ERROR");
	close(fd);
}

static void verify_nonblocking(void)
{
	struct sockaddr_storage a;
	int fd = new_socket();
	set_nonblocking(fd);
	result("connect", connect(fd, (struct sockaddr *)&a, peer_address(&a)));
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
	do /* ERR and HUP come an instant before OUT */
		poll(&p, 1, -1);
	while (!(p.revents & POLLOUT));
	show_poll("waited", fd, POLLOUT | POLLIN | POLLRDHUP, 0);
	show_so_error(fd);
	show_string(fd, TLS_ERROR, "TLS_ERROR");
	close(fd);
}

/* By name: fd=0 through a socket of an internet family, fd=1 of AF_HOSTNAME. */
static void by_name(void)
{
	struct sockaddr_host h = { .sin_family = AF_HOSTNAME, .sin_port = htons(cfg.port) };
	int fd = socket(cfg.fd == 1 ? AF_HOSTNAME : cfg.family, SOCK_STREAM, IPPROTO_TLS);
	if (result("socket", fd >= 0 ? 0 : -1) < 0)
		return;
	if (cfg.ca)
		result("roots", setsockopt(fd, IPPROTO_TLS, TLS_TRUSTED_PEER_CERTIFICATES, cfg.ca, strlen(cfg.ca)));
	memcpy(h.sin_addr.name, cfg.name, strlen(cfg.name));
	if (result("connect", connect(fd, (struct sockaddr *)&h, sizeof h)) == 0)
		show_facts(fd);
	show_string(fd, TLS_ERROR, "TLS_ERROR");
	close(fd);
}

/* The name may end with the address instead of a NUL. */
static void by_name_unended(void)
{
	struct sockaddr_host h;
	size_t n = strlen(cfg.name);
	memset(&h, 'x', sizeof h);
	h.sin_family = AF_HOSTNAME;
	h.sin_port = htons(cfg.port);
	memcpy(h.sin_addr.name, cfg.name, n);
	int fd = socket(cfg.family, SOCK_STREAM, IPPROTO_TLS);
	result("connect", connect(fd, (struct sockaddr *)&h, offsetof(struct sockaddr_host, sin_addr) + n));
	show_string(fd, TLS_PEER_IDENTITY, "TLS_PEER_IDENTITY");
	close(fd);
}

static void set(int fd, int option, const char *name, const char *value, long len)
{
	char what[128];
	snprintf(what, sizeof what, "set %s", name);
	result(what, setsockopt(fd, IPPROTO_TLS, option, value, len < 0 ? (socklen_t)strlen(value) : (socklen_t)len));
}

static void get(int fd, int option, const char *name, socklen_t len)
{
	char value[16384];
	char what[128];
	snprintf(what, sizeof what, "get %s into %d bytes", name, (int)len);
	long n = result(what, getsockopt(fd, IPPROTO_TLS, option, value, &len));
	if (n == 0 || errno == ERANGE)
		say("length %d", (int)len);
}

static void socket_errors(void)
{
	result("SOCK_DGRAM", socket(AF_INET, SOCK_DGRAM, IPPROTO_TLS));
	result("SOCK_SEQPACKET", socket(AF_INET6, SOCK_SEQPACKET, IPPROTO_TLS));
	result("AF_UNIX", socket(AF_UNIX, SOCK_STREAM, IPPROTO_TLS));
	result("AF_PACKET", socket(AF_PACKET, SOCK_STREAM, IPPROTO_TLS));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TLS);
	say("flags:%s%s", fcntl(fd, F_GETFL) & O_NONBLOCK ? " nonblocking" : "", fcntl(fd, F_GETFD) & FD_CLOEXEC ? " cloexec" : "");
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TLS);
	say("flags:%s%s", fcntl(fd, F_GETFL) & O_NONBLOCK ? " nonblocking" : "", fcntl(fd, F_GETFD) & FD_CLOEXEC ? " cloexec" : "");
}

static void option_errors_fresh(int fd)
{
	void *wild = (void *)8;
	socklen_t len = 16;
	char pem[] = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
	set(fd, 4711, "an unknown option", "x", 1);
	get(fd, 4711, "an unknown option", 16);
	get(fd, TLS_PEER_IDENTITY, "TLS_PEER_IDENTITY", 256);
	get(fd, TLS_PEER_CERTIFICATE_CHAIN, "TLS_PEER_CERTIFICATE_CHAIN", 256);
	get(fd, TLS_CHOSEN_CIPHER, "TLS_CHOSEN_CIPHER", 256);
	get(fd, TLS_VERSION_CONN, "TLS_VERSION_CONN", 4);
	set(fd, TLS_REMOTE_HOSTNAME, "TLS_REMOTE_HOSTNAME", "one.example", 11);
	get(fd, TLS_REMOTE_HOSTNAME, "TLS_REMOTE_HOSTNAME", 64);
	set(fd, TLS_REMOTE_HOSTNAME, "TLS_REMOTE_HOSTNAME with its NUL", "one.example", 12);
	get(fd, TLS_REMOTE_HOSTNAME, "TLS_REMOTE_HOSTNAME", 12);
	get(fd, TLS_REMOTE_HOSTNAME, "TLS_REMOTE_HOSTNAME", 11);
	get(fd, TLS_REMOTE_HOSTNAME, "TLS_REMOTE_HOSTNAME", 0);
	set(fd, TLS_REMOTE_HOSTNAME, "an empty name", "", 0);
	set(fd, TLS_REMOTE_HOSTNAME, "a name with a NUL inside", "a\0b", 3);
	set(fd, TLS_REMOTE_HOSTNAME, "a name with a space", "a b", 3);
	set(fd, TLS_REMOTE_HOSTNAME, "a negative length", "x", (long)0xffffffff);
	set(fd, TLS_REMOTE_HOSTNAME, "a huge length", "x", 1L << 30);
	set(fd, TLS_ALPN, "TLS_ALPN", "h2,http/1.1", 11);
	get(fd, TLS_ALPN, "TLS_ALPN", 64);
	set(fd, TLS_ALPN, "TLS_ALPN, an empty protocol", "h2,,x", 5);
	set(fd, TLS_PRIVATE_KEY, "TLS_PRIVATE_KEY without a chain", cfg.key, -1);
	get(fd, TLS_PRIVATE_KEY, "TLS_PRIVATE_KEY", 64);
	get(fd, TLS_CERTIFICATE_CHAIN, "TLS_CERTIFICATE_CHAIN", 64);
	set(fd, TLS_CERTIFICATE_CHAIN, "a file that is not there", "/no/such/file.pem", -1);
	set(fd, TLS_TRUSTED_PEER_CERTIFICATES, "a file that is not there", "/no/such/file.pem", -1);
	set(fd, TLS_CERTIFICATE_CHAIN, "broken PEM", pem, -1);
	set(fd, TLS_CERTIFICATE_CHAIN, "a file without PEM", "/etc/passwd", -1);
	set(fd, TLS_CERTIFICATE_CHAIN, "a device", "/dev/zero", -1);
	if (cfg.file)
		set(fd, TLS_CERTIFICATE_CHAIN, "a file we may not read", cfg.file, -1);
	set(fd, TLS_PEER_IDENTITY, "TLS_PEER_IDENTITY", "x", 1);
	set(fd, TLS_CHOSEN_CIPHER, "TLS_CHOSEN_CIPHER", "x", 1);
	set(fd, TLS_ERROR, "TLS_ERROR", "x", 1);
	result("set, wild value", setsockopt(fd, IPPROTO_TLS, TLS_REMOTE_HOSTNAME, wild, 4));
	result("get, wild value", getsockopt(fd, IPPROTO_TLS, TLS_REMOTE_HOSTNAME, wild, &len));
	result("get, wild length", getsockopt(fd, IPPROTO_TLS, TLS_REMOTE_HOSTNAME, pem, wild));
	result("set, no value", setsockopt(fd, IPPROTO_TLS, TLS_REMOTE_HOSTNAME, NULL, 4));
}

static void option_errors(void)
{
	struct sockaddr_storage a;
	int fd = socket(cfg.family, SOCK_STREAM, IPPROTO_TLS);
	say("-- fresh");
	option_errors_fresh(fd);
	close(fd);
	say("-- connected");
	fd = connected();
	set(fd, TLS_REMOTE_HOSTNAME, "TLS_REMOTE_HOSTNAME", "two.example", -1);
	set(fd, TLS_CERTIFICATE_CHAIN, "TLS_CERTIFICATE_CHAIN", cfg.chain, -1);
	set(fd, TLS_TRUSTED_PEER_CERTIFICATES, "TLS_TRUSTED_PEER_CERTIFICATES", cfg.chain, -1);
	set(fd, TLS_ALPN, "TLS_ALPN", "h2", -1);
	get(fd, TLS_PEER_CERTIFICATE_CHAIN, "TLS_PEER_CERTIFICATE_CHAIN", 10);
	get(fd, TLS_VERSION_CONN, "TLS_VERSION_CONN", 2);
	get(fd, TLS_ID, "TLS_ID", 4);
	result("connect", connect(fd, (struct sockaddr *)&a, peer_address(&a)));
	close(fd);
	say("-- listening");
	fd = new_listener();
	set(fd, TLS_CERTIFICATE_CHAIN, "TLS_CERTIFICATE_CHAIN", cfg.chain, -1);
	set(fd, TLS_ALPN, "TLS_ALPN", "h2", -1);
	get(fd, TLS_PEER_IDENTITY, "TLS_PEER_IDENTITY", 64);
	close(fd);
}

/* Options read from memory instead of from files, and by a relative path. */
static void pem_in_memory(void)
{
	static char pem[65536];
	int in = open(cfg.chain, O_RDONLY);
	long n = read(in, pem, sizeof pem - 1);
	int fd = socket(cfg.family, SOCK_STREAM, IPPROTO_TLS);
	set(fd, TLS_CERTIFICATE_CHAIN, "chain as PEM", pem, n);
	close(in);
	in = open(cfg.key, O_RDONLY);
	n = read(in, pem, sizeof pem - 1);
	pem[n] = 0;
	set(fd, TLS_PRIVATE_KEY, "key as PEM, with its NUL", pem, n + 1);
	close(in);
	char *slash = strrchr(cfg.chain, '/');
	char dir[4096] = "";
	memcpy(dir, cfg.chain, slash - cfg.chain);
	if (chdir(dir) < 0)
		die("chdir");
	int other = socket(cfg.family, SOCK_STREAM, IPPROTO_TLS);
	set(other, TLS_CERTIFICATE_CHAIN, "chain by a relative path", slash + 1, -1);
	struct sockaddr_storage a;
	result("bind", bind(fd, (struct sockaddr *)&a, loopback(&a, 0)));
	result("listen", listen(fd, 5));
}

static void server_facts(void)
{
	int fd = new_unbound_listener();
	struct sockaddr_storage a;
	set(fd, TLS_ALPN, "TLS_ALPN", "one,two", -1);
	if (bind(fd, (struct sockaddr *)&a, loopback(&a, 0)) < 0 || listen(fd, 5) < 0)
		die("listen");
	say("@port %d", local_port(fd));
	int c = accept(fd, NULL, NULL);
	show_string(c, TLS_HOSTNAME, "TLS_HOSTNAME");
	show_string(c, TLS_ALPN, "TLS_ALPN");
	show_string(c, TLS_CHOSEN_CIPHER, "TLS_CHOSEN_CIPHER");
	close(c);
	close(fd);
}

/* A listener without a certificate cannot serve, and says so. */
static void no_certificate(void)
{
	struct sockaddr_storage a;
	int fd = socket(cfg.family, SOCK_STREAM, IPPROTO_TLS);
	result("bind", bind(fd, (struct sockaddr *)&a, loopback(&a, 0)));
	long n = result("listen", listen(fd, 5));
	if (n < 0)
		show_string(fd, TLS_ERROR, "TLS_ERROR");
}

/* Several certificates on one listener: chain=a,b key=a,b. */
static void several(void)
{
	struct sockaddr_storage a;
	char *chains = strdup(cfg.chain), *keys = strdup(cfg.key), *c, *k, *p, *q;
	int fd = socket(cfg.family, SOCK_STREAM, IPPROTO_TLS);
	for (c = strtok_r(chains, ",", &p), k = strtok_r(keys, ",", &q); c && k;
	     c = strtok_r(NULL, ",", &p), k = strtok_r(NULL, ",", &q)) {
		set(fd, TLS_CERTIFICATE_CHAIN, "chain", c, -1);
		set(fd, TLS_PRIVATE_KEY, "key", k, -1);
	}
	if (bind(fd, (struct sockaddr *)&a, loopback(&a, 0)) < 0 || listen(fd, 5) < 0)
		die("listen");
	say("@port %d", local_port(fd));
	for (int i = 0; i < cfg.bytes; i++) {
		int s = accept(fd, NULL, NULL);
		drain("read", s);
		close(s);
	}
	close(fd);
}

const struct scenario contract_scenarios[] = {
	{ "verify", verify },
	{ "verify-nonblocking", verify_nonblocking },
	{ "by-name", by_name },
	{ "by-name-unended", by_name_unended },
	{ "socket-errors", socket_errors },
	{ "option-errors", option_errors },
	{ "pem-in-memory", pem_in_memory },
	{ "server-facts", server_facts },
	{ "no-certificate", no_certificate },
	{ "several-certificates", several },
	{ NULL, NULL },
};
