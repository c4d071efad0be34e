#!/usr/bin/perl
# server.pl - a TLS server in Perl, a process for each connection.
#
#	ssa run -- perl server.pl 127.0.0.1 8443 chain.pem key.pem
use strict;
use warnings;
use Socket;

use constant { IPPROTO_TLS => 205, TLS_CERTIFICATE_CHAIN => 88, TLS_PRIVATE_KEY => 89 };

die "usage: server.pl address port chain.pem key.pem\n" unless @ARGV == 4;
my ($address, $port, $chain, $key) = @ARGV;

socket(my $listener, AF_INET, SOCK_STREAM, IPPROTO_TLS) or die "server.pl: $!: start it with ssa run -- perl server.pl\n";
setsockopt($listener, IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, $chain) or die "server.pl: $chain: $!\n";
setsockopt($listener, IPPROTO_TLS, TLS_PRIVATE_KEY, $key) or die "server.pl: $key: $!\n";
bind($listener, pack_sockaddr_in($port, inet_aton($address))) or die "server.pl: bind: $!\n";
listen($listener, SOMAXCONN) or die "server.pl: listen: $!\n";
($port) = unpack_sockaddr_in(getsockname($listener));
$| = 1;
print "listening on $address port $port\n";

$SIG{CHLD} = 'IGNORE';
while (accept(my $connection, $listener)) {
	my $child = fork() // die "server.pl: fork: $!\n";
	next if $child;
	while (defined(my $line = <$connection>)) {
		last if $line eq "\r\n";
	}
	print $connection "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from Perl.\n";
	close $connection;
	exit 0;
}
die "server.pl: accept: $!\n";
