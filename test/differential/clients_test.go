//go:build linux

package differential

// clientScenarios: connect in all its ways, and how connections end.
var clientScenarios = []scenario{
	{name: "blocking", about: "connect, write, read, half-close, read to the end", listen: listening, peer: echoOne},
	{name: "nonblocking", about: "connect in the background, poll in each state", listen: stalled, peer: func(s *session) {
		s.Wait("connecting")
		s.listener.Release()
		s.GoOn()
		c := s.accept()
		c.Echo(4)
		c.ExpectEnd()
		c.Close()
	}},
	{name: "connect-again", about: "EISCONN", listen: listening, peer: justAccept},
	{name: "connect-again-nonblocking", about: "EALREADY, then EISCONN", listen: stalled,
		peer: func(s *session) {
			s.Wait("connecting")
			s.listener.Release()
			s.GoOn()
			s.accept().ExpectEnd().Close()
		}},
	{name: "blocking-after-nonblocking", about: "a blocking connect joins the one under way", listen: stalled, peer: released},
	{name: "refused", about: "ECONNREFUSED, and another try with the same socket", listen: listening, peer: justAccept},
	{name: "refused-nonblocking", about: "poll and SO_ERROR of a refused connect", listen: listening},
	{name: "close-while-connecting", about: "close before the connection is there", listen: stalled,
		peer: func(s *session) {
			s.listener.Release()
			for {
				// The first connection may or may not have got through.
				c, err := s.listener.TryAccept()
				if err != nil {
					continue
				}
				data, err := c.Drain()
				c.Close()
				if string(data) == "x" {
					return
				}
				s.t.Logf("the connection that was closed early: %d bytes, %v", len(data), err)
			}
		}},
	{name: "half-close", about: "the program ends its side first", listen: listening,
		peer: func(s *session) {
			c := s.accept()
			if got := c.ReadAll(); string(got) != "question" {
				s.t.Errorf("the peer read %q", got)
			}
			s.Wait("looked")
			c.Say("answer")
			c.CloseWrite()
			c.Close()
		}},
	{name: "half-close-by-peer", about: "the peer ends its side first; writing goes on", listen: listening, peer: func(s *session) {
		c := s.accept()
		c.Say("goodbye")
		c.CloseWrite()
		s.Wait("wrote")
		c.Expect("still")
		s.GoOn()
		c.Expect("here")
		c.ExpectEnd()
		c.Close()
	}},
	{name: "shutdown-read", about: "SHUT_RD, then SHUT_RDWR", listen: listening,
		peer: func(s *session) {
			c := s.accept()
			c.Expect("still writing")
			c.ExpectEnd()
			c.Close()
		}},
	{name: "shutdown-bad", about: "shutdown before connect, and with a bad way", listen: listening, peer: justAccept},
	{name: "reset", about: "ECONNRESET after the bytes before it", listen: listening,
		peer: func(s *session) {
			c := s.accept()
			c.Say("last")
			s.Wait("reset")
			c.Reset()
		}},
	{name: "reset-unread", about: "a reset shows in poll although what came before is not read", listen: listening, peer: func(s *session) {
		c := s.accept()
		c.Say("12345")
		s.Wait("reset")
		c.Reset()
	}},
	{name: "reset-write-first", about: "a write that is the first call after a reset", listen: listening, differs: writeFirst,
		peer: func(s *session) {
			c := s.accept()
			s.Wait("reset")
			c.Reset()
		}},
	{name: "reset-so-error", about: "SO_ERROR has a reset once", listen: listening,
		peer: func(s *session) {
			c := s.accept()
			s.Wait("reset")
			c.Reset()
		}},
	{name: "peer-gone", about: "EPIPE from a peer that has closed", listen: listening,
		peer: func(s *session) {
			s.accept().Close()
		}},
	{name: "unread-at-close", about: "close with bytes that were not read", listen: listening,
		peer: func(s *session) {
			c := s.accept()
			c.Say("never read")
			s.Wait("closed")
			_, _ = c.Drain() // any end will do
			s.GoOn()
		}},
	{name: "many", about: "200 connections one after the other", bytes: 200, listen: listening, peer: echoMany, once: true},
	{name: "many-at-once", about: "150 connections at once", bytes: 150, listen: listening, peer: echoMany, once: true},
	{name: "pipe", about: "standard input to the socket, the socket to standard output", listen: listening, peer: func(s *session) {
		s.Input("some text\nin two lines\n")
		echoOne(s)
	}},
}

// justAccept takes one connection and reads it to its proper end.
func justAccept(s *session) {
	c := s.accept()
	c.ReadAll()
	c.Close()
}

// echoOne returns everything on one connection.
func echoOne(s *session) {
	c := s.accept()
	c.EchoAll()
	c.Close()
}

// echoMany returns one byte on each of as many connections as there are.
func echoMany(s *session) {
	for range s.count {
		c := s.accept()
		c.Echo(1)
		c.ExpectEnd()
		c.Close()
	}
}

// released waits for the program to connect, lets it, and reads one byte.
func released(s *session) {
	s.Wait("connecting")
	s.listener.Release()
	c := s.accept()
	c.Expect("x")
	c.ExpectEnd()
	c.Close()
}

// eventScenarios: select and epoll.
var eventScenarios = []scenario{
	{name: "select", about: "select in each state", listen: stalled, peer: func(s *session) {
		s.Wait("connecting")
		s.listener.Release()
		s.GoOn()
		c := s.accept()
		c.Echo(4)
		s.Wait("finish")
		c.CloseWrite()
		s.GoOn()
		c.ExpectEnd()
		c.Close()
	}},
	{name: "epoll-level", about: "epoll registered before connect, level-triggered", listen: stalled, peer: epollPeer},
	{name: "epoll-edge", about: "epoll registered before connect, edge-triggered", listen: stalled, peer: epollPeer},
	{name: "epoll-while-connecting", about: "epoll registered while connecting, edge-triggered", listen: stalled, peer: func(s *session) {
		s.Wait("connecting")
		s.listener.Release()
		s.GoOn()
		c := s.accept()
		c.Expect("x")
		c.ExpectEnd()
		c.Close()
	}},
	{name: "epoll-refused", about: "a refused connect in edge-triggered epoll", listen: listening},
	{name: "epoll-edge-writer", about: "an edge-triggered writer of 8 MiB", bytes: 8 << 20,
		listen: listening, once: true, peer: func(s *session) {
			c := s.accept()
			if n := len(c.ReadAll()); n < s.count {
				s.t.Errorf("the peer read %d bytes, wanted at least %d", n, s.count)
			}
			c.Close()
		}},
	{name: "epoll-oneshot", about: "EPOLLONESHOT", listen: listening, peer: func(s *session) {
		c := s.accept()
		c.Echo(4)
		c.ExpectEnd()
		c.Close()
	}},
	{name: "epoll-listener-level", about: "a listener in level-triggered epoll", peer: epollListener},
	{name: "epoll-listener-edge", about: "a listener in edge-triggered epoll", peer: epollListener},
}

func epollPeer(s *session) {
	s.Wait("connecting")
	s.listener.Release()
	s.GoOn()
	c := s.accept()
	c.Echo(4)
	s.Wait("finish")
	c.CloseWrite()
	s.GoOn()
	c.ExpectEnd()
	c.Close()
}

func epollListener(s *session) {
	port := s.Port()
	s.Wait("come")
	c := s.network.Dial(s.t, port)
	c.Say("here")
	c.CloseWrite()
	s.GoOn()
	c.ExpectEnd()
	c.Close()
}
