package relay

import (
	"testing"
	"time"
)

// The kernel announces room before it has counted the last byte as read. Who
// waits for the program to have read everything must not miss that.
func TestAwaitReadBesideReader(t *testing.T) {
	const rounds = 100_000
	plaintext, program := plaintextPair(t)
	defer plaintext.Close()
	s := newSink(plaintext, rawConn(plaintext))
	go func() {
		defer program.Close()
		for range rounds {
			if _, err := program.Read(make([]byte, 16)); err != nil {
				return
			}
		}
	}()
	for i := range rounds {
		if err := s.write([]byte("a few")); err != nil {
			t.Fatal(err)
		}
		waited := make(chan struct{})
		go func() {
			s.awaitRead(0, nil)
			close(waited)
		}()
		select {
		case <-waited:
		case <-time.After(time.Minute):
			t.Fatalf("round %d: waits for a program that has read everything", i)
		}
	}
}
