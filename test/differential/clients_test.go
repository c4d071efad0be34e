//go:build linux

package differential

import (
	"bytes"
	"time"
)

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
	{name: "connect-again-nonblocking", about: "EALREADY, then EISCONN", listen: stalled, peer: func(s *session) {
		s.Wait("connecting")
		s.listener.Release()
		s.GoOn()
		s.accept().ExpectEnd().Close()
	}},
	{name: "blocking-after-nonblocking", about: "a blocking connect joins the one under way", listen: stalled, peer: released},
	{name: "refused", about: "ECONNREFUSED, and another try with the same socket", listen: listening, peer: justAccept},
	{name: "refused-nonblocking", about: "poll and SO_ERROR of a refused connect", listen: listening},
	{name: "close-while-connecting", about: "close before the connection is there", listen: stalled, peer: func(s *session) {
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
	{name: "half-close", about: "the program ends its side first", listen: listening, peer: func(s *session) {
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
	{name: "shutdown-read", about: "SHUT_RD, then SHUT_RDWR", listen: listening, peer: func(s *session) {
		c := s.accept()
		c.Expect("still writing")
		c.ExpectEnd()
		c.Close()
	}},
	{name: "shutdown-bad", about: "shutdown before connect, and with a bad way", listen: listening, peer: justAccept},
	{name: "reset", about: "ECONNRESET after the bytes before it", listen: listening, peer: func(s *session) {
		c := s.accept()
		c.Say("last")
		s.Wait("reset")
		c.Reset()
	}},
	{name: "reset-so-error", about: "SO_ERROR has a reset once", listen: listening, peer: func(s *session) {
		c := s.accept()
		s.Wait("reset")
		c.Reset()
	}},
	{name: "peer-gone", about: "EPIPE from a peer that has closed", listen: listening, peer: func(s *session) {
		s.accept().Close()
	}},
	{name: "unread-at-close", about: "close with bytes that were not read", listen: listening, peer: func(s *session) {
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
	{name: "epoll-edge-writer", about: "an edge-triggered writer of 8 MiB", bytes: 8 << 20, listen: listening, once: true, peer: func(s *session) {
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

// signalScenarios: signals and time-outs of blocking calls.
var signalScenarios = []scenario{
	{name: "eintr-connect", about: "EINTR of a blocking connect, then connect again", listen: stalled, peer: released},
	{name: "eintr-connect-poll", about: "EINTR of a blocking connect, then poll", listen: stalled, peer: released},
	{name: "restart-connect", about: "a blocking connect with SA_RESTART", listen: stalled, peer: released},
	{name: "eintr-accept", about: "EINTR of accept", peer: interruptedAccept},
	{name: "restart-accept", about: "accept with SA_RESTART", peer: interruptedAccept},
	{name: "eintr-accept-address", about: "EINTR of accept with an address", peer: interruptedAccept},
	{name: "restart-accept-address", about: "accept with an address and SA_RESTART", peer: interruptedAccept},
	{name: "eintr-read", about: "EINTR of read", listen: listening, peer: interruptedRead},
	{name: "restart-read", about: "read with SA_RESTART", listen: listening, peer: interruptedRead},
	{name: "signal-storm", about: "20 connects under a signal every millisecond", bytes: 20, listen: listening, peer: echoMany},
	{name: "setup-storm", about: "200 listeners under a signal every 0.2 ms: calls that never wait are not interrupted", bytes: 200},
	{name: "setup-storm-restart", about: "the same with SA_RESTART: and they are not done twice", bytes: 200},
	{name: "timeouts", about: "SO_RCVTIMEO of read, SO_SNDTIMEO of write", listen: listening, peer: func(s *session) {
		c := s.accept()
		s.Wait("full")
		c.ReadAll()
		c.Close()
	}},
	{name: "timeout-connect", about: "SO_SNDTIMEO of connect", listen: stalled, peer: released},
	{name: "timeout-accept", about: "SO_RCVTIMEO of accept", peer: func(s *session) { s.Port() }},
	{name: "sigpipe", about: "SIGPIPE, EPIPE and MSG_NOSIGNAL", listen: listening, peer: justAccept},
}

func interruptedAccept(s *session) {
	port := s.Port()
	s.Wait("come")
	c := s.network.Dial(s.t, port)
	c.Say("after the signal")
	c.CloseWrite()
	c.ExpectEnd()
	c.Close()
}

func interruptedRead(s *session) {
	c := s.accept()
	s.Wait("answer")
	c.Say("answer")
	c.ExpectEnd()
	c.Close()
}

// bulkScenarios: many bytes, with checksums on both sides.
var bulkScenarios = []scenario{
	{name: "bulk-send", about: "64 MiB to the peer", bytes: 64 << 20, listen: listening, once: true, peer: func(s *session) {
		c := s.accept()
		got := c.ReadAll()
		if !bytes.Equal(got, generated(s.count)) {
			s.t.Errorf("the peer read %d bytes, and not those that were written", len(got))
		}
		c.Say("done")
		c.Close()
	}},
	{name: "bulk-receive", about: "64 MiB from the peer", bytes: 64 << 20, listen: listening, once: true, peer: func(s *session) {
		c := s.accept()
		c.Write(generated(s.count))
		c.CloseWrite()
		c.ExpectEnd()
		c.Close()
	}},
	{name: "bulk-both", about: "64 MiB both ways at once", bytes: 64 << 20, listen: listening, once: true, peer: func(s *session) {
		c := s.accept()
		c.EchoAll()
		c.Close()
	}},
	{name: "bulk-server", about: "a server: 64 MiB in, then 64 MiB out", bytes: 64 << 20, once: true, peer: func(s *session) {
		c := s.connect()
		c.Write(generated(s.count))
		c.CloseWrite()
		if got := c.ReadAll(); !bytes.Equal(got, generated(s.count)) {
			s.t.Errorf("the peer read %d bytes, and not those that were written", len(got))
		}
		c.Close()
	}},
	{name: "ping-pong", about: "2,000 small messages, each answered", bytes: 2000, listen: listening, peer: func(s *session) {
		c := s.accept()
		for range s.count {
			c.Echo(7)
		}
		c.ExpectEnd()
		c.Close()
	}},
}

// generated makes the bytes that the test programs write.
func generated(n int) []byte {
	out := make([]byte, n)
	var state uint64
	for i := range out {
		state = state*6364136223846793005 + 1442695040888963407
		out[i] = byte(state >> 56)
	}
	return out
}

// slowly is the peer of programs whose bytes must wait in a buffer: it reads
// only once the program has gone.
func slowly(s *session, gone func()) {
	c := s.accept()
	s.Wait("written")
	gone()
	if got := c.ReadAll(); !bytes.Equal(got, generated(s.count)) {
		s.t.Errorf("the peer read %d bytes, and not the %d that were written", len(got), s.count)
	}
	c.Close()
}

// settle gives a program that said its last word the time to be gone. That it
// is not gone yet would make the test weaker, never wrong.
func settle() { time.Sleep(20 * time.Millisecond) }
