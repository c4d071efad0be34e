# Scenarios in Perl, by its socket functions alone: see programs.go.
use strict;
use warnings;
use Errno;
use IO::Handle;
use Socket qw(:all);

my $IPPROTO_TLS = 205;
my ($TLS_REMOTE_HOSTNAME, $TLS_CERTIFICATE_CHAIN, $TLS_PRIVATE_KEY) = (85, 88, 89);
my ($scenario, @args) = @ARGV;
my %set = map { split /=/, $_, 2 } @args;
my $v6 = ($set{family} // 4) == 6;
my $family = $v6 ? AF_INET6 : AF_INET;
STDOUT->autoflush(1);

sub address {
    my $port = shift;
    return $v6 ? pack_sockaddr_in6($port, inet_pton(AF_INET6, "::1")) : pack_sockaddr_in($port, inet_aton("127.0.0.1"));
}

sub errname {
    my %copy = %!;
    my ($name) = sort grep { $!{$_} } keys %copy;
    return $name;
}

sub say_ { print join(" ", @_), "\n" }

sub new_socket {
    socket(my $s, $family, SOCK_STREAM, $set{proto}) or die "socket: $!";
    if ($set{proto} == $IPPROTO_TLS) {
        setsockopt($s, $IPPROTO_TLS, $TLS_REMOTE_HOSTNAME, $set{name}) or die "TLS_REMOTE_HOSTNAME: $!";
    }
    $s->autoflush(1);
    return $s;
}

my %scenarios = (
    "client" => sub {
        my $s = new_socket();
        say_("connect", connect($s, address($set{port})) ? "done" : errname());
        print $s "from Perl\nsecond line\n";
        say_("line", $_) for map { my $l = <$s>; chomp $l; $l } 1 .. 2;
        shutdown($s, 1);
        say_("end", defined(<$s>) ? "more" : "nothing more");
        close($s);
    },
    "refused" => sub {
        my $s = new_socket();
        say_("connect", connect($s, address($set{other})) ? "done" : errname());
    },
    "server" => sub {
        socket(my $l, $family, SOCK_STREAM, $set{proto}) or die "socket: $!";
        if ($set{proto} == $IPPROTO_TLS) {
            setsockopt($l, $IPPROTO_TLS, $TLS_CERTIFICATE_CHAIN, $set{chain}) or die "TLS_CERTIFICATE_CHAIN: $!";
            setsockopt($l, $IPPROTO_TLS, $TLS_PRIVATE_KEY, $set{key}) or die "TLS_PRIVATE_KEY: $!";
        }
        bind($l, address(0)) && listen($l, 5) or die "listen: $!";
        my ($port) = $v6 ? unpack_sockaddr_in6(getsockname($l)) : unpack_sockaddr_in(getsockname($l));
        say_("\@port", $port);
        my $who = accept(my $c, $l) or die "accept: $!";
        say_("accepted", sockaddr_family($who) == $family ? "from the right family" : "from a strange family");
        $c->autoflush(1);
        while (my $line = <$c>) { print $c uc $line }
        close($c);
        say_("served");
    },
);

($scenarios{$scenario} or die "no scenario $scenario")->();
