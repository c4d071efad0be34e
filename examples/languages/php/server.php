<?php
// server.php - a TLS server in PHP, without the openssl extension.
//
//	ssa run -- php server.php 127.0.0.1 8443 chain.pem key.pem
//
// For why it calls the system through FFI, see client.php.

const AF_INET_ = 2, SOCK_STREAM_ = 1, IPPROTO_TLS = 205, TLS_CERTIFICATE_CHAIN = 88, TLS_PRIVATE_KEY = 89;

if ($argc !== 5) {
    fwrite(STDERR, "usage: server.php address port chain.pem key.pem\n");
    exit(2);
}
[, $host, $port, $chain, $key] = $argv;

$c = FFI::cdef('
    int socket(int domain, int type, int protocol);
    int setsockopt(int fd, int level, int name, const char *value, unsigned length);
    int bind(int fd, const char *address, unsigned length);
    int listen(int fd, int backlog);
    int accept(int fd, void *address, void *length);
    int getsockname(int fd, char *address, unsigned *length);
    int close(int fd);
');

function check(int $result, string $what): int
{
    if ($result === -1) {
        fwrite(STDERR, "server.php: $what failed\n");
        exit(1);
    }
    return $result;
}

$fd = check($c->socket(AF_INET_, SOCK_STREAM_, IPPROTO_TLS), 'TLS socket (start it with ssa run -- php server.php)');
check($c->setsockopt($fd, IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, $chain, strlen($chain)), $chain);
check($c->setsockopt($fd, IPPROTO_TLS, TLS_PRIVATE_KEY, $key, strlen($key)), $key);
check($c->bind($fd, pack('Sna4x8', AF_INET_, (int) $port, inet_pton($host)), 16), 'bind');
check($c->listen($fd, 128), 'listen');
$self = $c->new('char[16]');
$length = $c->new('unsigned');
$length->cdata = 16;
check($c->getsockname($fd, $self, FFI::addr($length)), 'getsockname');
$port = unpack('Sfamily/nport', FFI::string($self, 16))['port'];
echo "listening on $host port $port\n";

for (;;) {
    $connection = check($c->accept($fd, null, null), 'accept');
    $stream = fopen("php://fd/$connection", 'r+'); // a copy of the descriptor
    $c->close($connection);
    while (($line = fgets($stream)) !== false && rtrim($line) !== '');
    fwrite($stream, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from PHP.\n");
    fclose($stream);
}
