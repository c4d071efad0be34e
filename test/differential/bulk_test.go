//go:build linux

package differential

import (
	"bytes"
	"time"
)

// bulkScenarios: many bytes, with checksums on both sides.
var bulkScenarios = []scenario{
	{name: "bulk-send", about: "64 MiB to the peer", bytes: 64 << 20, listen: listening, once: true,
		peer: func(s *session) {
			c := s.accept()
			got := c.ReadAll()
			if !bytes.Equal(got, generated(s.count)) {
				s.t.Errorf("the peer read %d bytes, and not those that were written", len(got))
			}
			c.Say("done")
			c.Close()
		}},
	{name: "bulk-receive", about: "64 MiB from the peer", bytes: 64 << 20, listen: listening,
		once: true, peer: func(s *session) {
			c := s.accept()
			c.Write(generated(s.count))
			c.CloseWrite()
			c.ExpectEnd()
			c.Close()
		}},
	{name: "bulk-both", about: "64 MiB both ways at once", bytes: 64 << 20, listen: listening,
		once: true, peer: func(s *session) {
			c := s.accept()
			c.EchoAll()
			c.Close()
		}},
	{name: "bulk-server", about: "a server: 64 MiB in, then 64 MiB out", bytes: 64 << 20, once: true,
		peer: func(s *session) {
			c := s.connect()
			c.Write(generated(s.count))
			c.CloseWrite()
			if got := c.ReadAll(); !bytes.Equal(got, generated(s.count)) {
				s.t.Errorf("the peer read %d bytes, and not those that were written", len(got))
			}
			c.Close()
		}},
	{name: "ping-pong", about: "2,000 small messages, each answered", bytes: 2000, listen: listening,
		peer: func(s *session) {
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
