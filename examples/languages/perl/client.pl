#!/usr/bin/perl
# client.pl - a TLS client in Perl, with its own Socket module alone.
#
#	ssa run -- perl client.pl example.com 443 /
use strict;
use warnings;
use Socket qw(:DEFAULT getaddrinfo);

use constant { IPPROTO_TLS => 205, TLS_REMOTE_HOSTNAME => 85, TLS_ERROR => 100 };

die "usage: client.pl host port path\n" unless @ARGV == 3;
my ($host, $port, $path) = @ARGV;

my ($unknown, $address) = getaddrinfo($host, $port, { socktype => SOCK_STREAM });
die "client.pl: $host: $unknown\n" if $unknown;
socket(my $s, $address->{family}, SOCK_STREAM, IPPROTO_TLS) or die "client.pl: $!: start it with ssa run -- perl client.pl\n";
setsockopt($s, IPPROTO_TLS, TLS_REMOTE_HOSTNAME, $host) or die "client.pl: $host: $!\n";
unless (connect($s, $address->{addr})) {
	my $failure = $!;
	my $why = getsockopt($s, IPPROTO_TLS, TLS_ERROR) // '';
	$why =~ s/\0.*//s;
	die "client.pl: $host: $failure: $why\n";
}
$s->autoflush(1);
print $s "GET $path HTTP/1.0\r\nHost: $host\r\n\r\n" or die "client.pl: $!\n";
print while <$s>;
die "client.pl: $host: cut off\n" if $s->error;
close $s;
