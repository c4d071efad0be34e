<?php
// client.php - a TLS client in PHP, without the openssl extension.
//
//	ssa run -- php client.php example.com 443 /
//
// socket_create() can name the protocol, but socket_set_option() turns every
// value of an option it does not know into an integer, so a name cannot be
// set. FFI, part of PHP, calls the system instead. The address is the name
// (AF_HOSTNAME); what comes back is an ordinary PHP stream.

const AF_INET_ = 2, SOCK_STREAM_ = 1, IPPROTO_TLS = 205, AF_HOSTNAME = 43, TLS_ERROR = 100;

if ($argc !== 4) {
    fwrite(STDERR, "usage: client.php host port path\n");
    exit(2);
}
[, $host, $port, $path] = $argv;

$c = FFI::cdef('
    int socket(int domain, int type, int protocol);
    int connect(int fd, const char *address, unsigned length);
    int getsockopt(int fd, int level, int name, char *value, unsigned *length);
');
$fd = $c->socket(AF_INET_, SOCK_STREAM_, IPPROTO_TLS);
if ($fd === -1) {
    fwrite(STDERR, "client.php: no TLS socket: start it with ssa run -- php client.php\n");
    exit(1);
}
$address = pack('Sna255', AF_HOSTNAME, (int) $port, $host);
if ($c->connect($fd, $address, strlen($address)) !== 0) {
    $why = $c->new('char[1024]');
    $length = $c->new('unsigned');
    $length->cdata = 1024;
    $known = $c->getsockopt($fd, IPPROTO_TLS, TLS_ERROR, $why, FFI::addr($length)) === 0;
    fwrite(STDERR, "client.php: $host: " . ($known ? FFI::string($why) : 'it cannot be connected to') . "\n");
    exit(1);
}
$stream = fopen("php://fd/$fd", 'r+');
fwrite($stream, "GET $path HTTP/1.0\r\nHost: $host\r\n\r\n");
while (($data = fread($stream, 4096)) !== false && $data !== '') {
    echo $data;
}
exit($data === false ? 1 : 0); // false: cut off, and what was printed is not all of it
