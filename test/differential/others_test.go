//go:build linux

package differential

import "github.com/secure-socket-api/ssa/test/peer"

// serverScenarios: bind, listen, accept.
var serverScenarios = []scenario{
	{name: "accept", about: "accept without an address", peer: helloOnce},
	{name: "accept-address", about: "accept with an address, and with a short one", peer: func(s *session) {
		port := s.Port()
		hello(s, port)
		hello(s, port)
	}},
	{name: "accept-flags", about: "SOCK_NONBLOCK and SOCK_CLOEXEC of accept4", peer: func(s *session) {
		port := s.Port()
		for range 5 {
			c := s.network.Dial(s.t, port)
			_, _ = c.Drain()
			c.Close()
		}
	}},
	{name: "accept-nonblocking", about: "EAGAIN, poll, accept", peer: func(s *session) {
		port := s.Port()
		s.Wait("come")
		c := s.network.Dial(s.t, port)
		s.GoOn()
		greet(c)
	}},
	{name: "accept-many", about: "60 connections one after the other, with and without address", bytes: 60, peer: func(s *session) {
		port := s.Port()
		for range s.count {
			hello(s, port)
		}
	}},
	{name: "accept-bad", about: "accept on what does not listen, connect on what does", peer: func(s *session) { s.Port() }},
	{name: "listen-unbound", about: "listen without bind chooses a port", peer: helloOnce},
	{name: "bind-states", about: "bind twice, to a port in use, to port 0"},
	{name: "bind-foreign", about: "EADDRNOTAVAIL"},
	{name: "rebind", about: "a closed listener's port is free at once", peer: func(s *session) {
		port := s.Port()
		hello(s, port)
		for range 3 {
			s.WaitAndGoOn("rebound")
			hello(s, port)
		}
		s.Wait("gone")
		if c, err := s.network.TryDial(s.t, port); err == nil {
			c.Close()
			s.t.Error("somebody answers at the port of the closed listener")
		}
		s.GoOn()
	}},
	{name: "reuseport", about: "two listeners on one port with SO_REUSEPORT"},
	{name: "backlog", about: "60 connections wait to be accepted", bytes: 60, peer: func(s *session) {
		port := s.Port()
		s.Wait("listening")
		var waiting []func()
		for range s.count {
			c := s.network.Dial(s.t, port)
			c.Say("x")
			waiting = append(waiting, func() {
				c.Expect("x")
				c.ExpectEnd()
				c.Close()
			})
		}
		s.GoOn()
		for _, finish := range waiting {
			finish()
		}
	}},
}

func helloOnce(s *session) { hello(s, s.Port()) }

func hello(s *session, port int) {
	s.t.Helper()
	greet(s.network.Dial(s.t, port))
}

func greet(c *peer.Conn) {
	c.Say("hello")
	c.Expect("hello")
	c.CloseWrite()
	c.ExpectEnd()
	c.Close()
}

// processScenarios: descriptors that travel, and programs that die.
var processScenarios = []scenario{
	{name: "fork", about: "the child uses the connection, the parent closes it", listen: listening, peer: echoOne},
	{name: "fork-both", about: "the end comes with the last copy, not the first", listen: listening, peer: func(s *session) {
		c := s.accept()
		c.Echo(len("the parent goes on"))
		s.Wait("closed")
		c.ExpectEnd()
		s.GoOn()
		c.Close()
	}},
	{name: "fork-before-connect", about: "the child connects, the parent uses it", listen: listening, peer: echoOne},
	{name: "fork-server", about: "children accept on their parent's listener", peer: func(s *session) {
		port := s.Port()
		for range 3 {
			s.Wait("child")
			hello(s, port)
		}
	}},
	{name: "dup", about: "dup, dup2, F_DUPFD before and after connect", listen: listening, peer: echoOne},
	{name: "exec", about: "a connection inherited through exec", listen: listening, peer: echoOne},
	{name: "threads", about: "one thread reads, one writes: 8 MiB", bytes: 8 << 20, listen: listening, peer: echoOne, once: true},
	{name: "threads-connect", about: "8 threads connect 10 times each", bytes: 80, listen: listening,
		once: true, peer: func(s *session) {
			s.parallel(s.count, func() {
				c := s.accept()
				c.Echo(1)
				c.ExpectEnd()
				c.Close()
			})
		}},
	{name: "scm-rights", about: "sockets passed to another process, connected and not", listen: listening, peer: func(s *session) {
		echoOne(s)
		echoOne(s)
	}},
	{name: "scm-rights-over", about: "SCM_RIGHTS over the connection itself goes nowhere", listen: listening, peer: func(s *session) {
		c := s.accept()
		c.Expect("f")
		c.EchoAll()
		c.Close()
	}},
	{name: "killed", about: "SIGKILL with bytes in flight", bytes: 60000, listen: listening, peer: func(s *session) { slowly(s, settle) }},
	{name: "exit", about: "exit with bytes in flight", bytes: 60000, listen: listening, peer: func(s *session) { slowly(s, settle) }},
	{name: "close", about: "close with bytes in flight", bytes: 60000, listen: listening, peer: closesThenWaits},
	{name: "cloexec", about: "exec closes a close-on-exec connection", bytes: 60000, listen: listening, peer: closesThenWaits},
}

func closesThenWaits(s *session) {
	slowly(s, func() { s.Wait("closed") })
	s.GoOn()
}

// callScenarios: the other ways to move bytes.
var callScenarios = []scenario{
	{name: "flags", about: "MSG_PEEK, MSG_DONTWAIT, MSG_WAITALL, MSG_MORE, MSG_NOSIGNAL", listen: listening, peer: func(s *session) {
		c := s.accept()
		s.Wait("first")
		c.Say("hello")
		s.Wait("second")
		c.Say("world!!")
		c.Expect("abc")
		// MSG_WAITALL of 7 has taken "llo" and "worl".
		c.Say("?")
		c.CloseWrite()
		c.ExpectEnd()
		c.Close()
	}},
	{name: "discards", about: "MSG_TRUNC drops what has been received", listen: listening,
		peer: func(s *session) {
			c := s.accept()
			s.Wait("first")
			c.Say("0123456789")
			s.Wait("second")
			c.Say("abc")
			s.Wait("third")
			c.CloseWrite()
			c.ExpectEnd()
			c.Close()
		}},
	{name: "vectors", about: "readv and writev", listen: listening, peer: echoTold(8)},
	{name: "messages", about: "sendmsg, recvmsg, recvfrom with an address buffer", listen: listening, peer: echoOne, differs: receivedAddress},
	{name: "sendto-address", about: "an address given for a connected socket", listen: listening,
		differs: sentAddress, peer: func(s *session) {
			c := s.accept()
			c.Echo(5)
			c.ReadAll()
			c.Close()
		}},
	{name: "mmsg", about: "sendmmsg, recvmmsg", listen: listening, peer: echoTold(6)},
	{name: "sendfile", about: "a file of 300,000 bytes by sendfile", bytes: fileSize,
		listen: listening, peer: func(s *session) {
			c := s.accept()
			if n := len(c.ReadAll()); n != s.count {
				s.t.Errorf("the peer read %d bytes of %d", n, s.count)
			}
			c.Say("done")
			c.Close()
		}},
	{name: "splice", about: "splice from and to a pipe", listen: listening, peer: echoTold(14)},
	{name: "queue-sizes", about: "FIONREAD, FIONBIO", listen: listening, peer: func(s *session) {
		c := s.accept()
		s.Wait("first")
		c.Say("1234567")
		s.WaitAndGoOn("sent")
		_, _ = c.Drain() // the program closes with bytes unread
		c.Close()
	}},
	{name: "not-connected", about: "read and write before connect", peer: func(s *session) { s.Port() }, differs: notConnected},
	{name: "bad-pointers", about: "EFAULT of read and write", listen: listening,
		peer: func(s *session) {
			c := s.accept()
			s.Wait("first")
			c.Say("x")
			c.ExpectEnd()
			c.Close()
		}},
}

// Reads and writes are the kernel's own, on an AF_UNIX socket. That is what
// makes them fast and safe, and these are the places where it shows.
const (
	notConnected = "an AF_UNIX socket that is not connected says EINVAL to a read and ENOTCONN to a write, where TCP says ENOTCONN and EPIPE"
	sentAddress  = "an AF_UNIX socket that is connected says EISCONN to a sendto with an address, where TCP ignores the address; asking the gate " +
		"about each sendto with an address would slow down every UDP program"
	writeFirst      = "write says EPIPE at once, and sends SIGPIPE, where TCP's first says ECONNRESET (or, after a non-blocking connect that failed and whose SO_ERROR was not asked for, that connect's error): the end of a local stream is known to the sender before its error is; read says ECONNRESET"
	receivedAddress = "recvfrom and recvmsg tell a client the AF_UNIX name of the gate's end, where TCP leaves the address empty; getpeername is right"
)

// echoTold returns n bytes, all of which are there when the program is told to
// go on.
func echoTold(n int) func(*session) {
	return func(s *session) {
		c := s.accept()
		c.Echo(n)
		s.Wait("echoed")
		c.WaitQueued()
		settle()
		s.GoOn()
		c.ExpectEnd()
		c.Close()
	}
}

// addressScenarios: getsockname and getpeername in every state.
var addressScenarios = []scenario{
	{name: "client-names", about: "the names of a client in each state", listen: listening,
		peer: func(s *session) {
			c := s.accept()
			c.ExpectEnd()
			s.Wait("looked")
			c.Close()
		}},
	{name: "connecting-names", about: "the names of a socket on its way", listen: stalled,
		peer: func(s *session) {
			s.Wait("connecting")
			s.listener.Release()
			s.accept().ExpectEnd().Close()
		}},
	{name: "refused-names", about: "the names after a refused connect", listen: listening},
	{name: "server-names", about: "the names of a listener and of what it accepts", peer: func(s *session) {
		s.connect().Close()
	}},
	{name: "name-arguments", about: "short, missing and negative buffers", listen: listening, peer: justAccept},
	{name: "source-address", about: "bind to a source address before connect", ipv4: true,
		listen: listening, peer: func(s *session) {
			c := s.accept()
			if ip := c.RemoteAddr().IP.String(); ip != "127.0.0.2" {
				s.t.Errorf("the peer sees the program at %s, wanted 127.0.0.2", ip)
			}
			c.Close()
		}},
	{name: "connect-arguments", about: "missing, short, huge and foreign addresses", listen: listening, peer: justAccept},
	{name: "connect-unspec", about: "connect to AF_UNSPEC before anything", listen: listening, peer: justAccept},
	{name: "mapped", about: "an IPv6 socket and an IPv4-mapped address", ipv4: true, listen: listening, peer: justAccept},
	{name: "dual-stack", about: "an IPv6 listener takes IPv4 connections", ipv4: true,
		peer: func(s *session) {
			c := s.connect()
			c.Say("over IPv4")
			c.CloseWrite()
			c.ExpectEnd()
			c.Close()
		}},
}

// optionScenarios: options of SOL_SOCKET, TCP and IP.
var optionScenarios = []scenario{
	{name: "identities", about: "SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN", peer: func(s *session) {
		c := s.connect()
		c.ExpectEnd()
		c.Close()
	}},
	{name: "client-identities", about: "the same of a client", listen: listening,
		peer: func(s *session) {
			s.accept().Close()
		}},
	{name: "plain-options", about: "options set and read back, before and after connect", listen: listening, peer: justAccept},
	{name: "listener-options", about: "options of a listener and what accepted sockets inherit", peer: func(s *session) {
		port := s.Port()
		s.Wait("ready")
		c := s.network.Dial(s.t, port)
		c.ExpectEnd()
		c.Close()
	}},
	{name: "tcp-info", about: "TCP_INFO is that of the real connection", listen: listening, peer: justAccept},
	{name: "linger", about: "SO_LINGER", listen: listening, peer: justAccept},
	{name: "small-buffers", about: "SO_SNDBUF bounds what is taken for a peer that does not read", listen: listening, peer: func(s *session) {
		c := s.accept()
		s.Wait("written")
		c.ReadAll()
		c.Close()
	}},
	{name: "option-arguments", about: "short, missing and negative buffers", listen: listening, peer: justAccept},
}

// plainScenarios: sockets that are not TLS at all.
var plainScenarios = []scenario{
	{name: "udp", about: "UDP"},
	{name: "unix", about: "AF_UNIX, with SO_PEERCRED"},
	{name: "socketpair", about: "socketpair"},
	{name: "not-sockets", about: "socket calls on what is no socket"},
}
