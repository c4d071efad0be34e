package relay

import (
	"io"
	"net"
	"testing"
)

// way is one way to get bytes from a program to a peer.
type way struct {
	name    string
	connect func(b *testing.B) (program, peer net.Conn)
}

func ways() []way {
	return []way{
		{"relay", func(b *testing.B) (net.Conn, net.Conn) {
			r := newRig(b, rigOptions{})
			return r.program, r.peer
		}},
		{"direct", func(b *testing.B) (net.Conn, net.Conn) {
			near, far := tcpPair(b)
			program, peer := handshake(b, near, far, rigOptions{})
			b.Cleanup(func() { near.Close(); far.Close() })
			return program, peer
		}},
		{"tcp", func(b *testing.B) (net.Conn, net.Conn) {
			near, far := tcpPair(b)
			b.Cleanup(func() { near.Close(); far.Close() })
			return near, far
		}},
	}
}

func BenchmarkSend(b *testing.B) {
	for _, w := range ways() {
		b.Run(w.name, func(b *testing.B) {
			program, peer := w.connect(b)
			stream(b, program, peer)
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	for _, w := range ways() {
		b.Run(w.name, func(b *testing.B) {
			program, peer := w.connect(b)
			stream(b, peer, program)
		})
	}
}

// stream moves b.N chunks of 256 KiB.
func stream(b *testing.B, from, to net.Conn) {
	const chunk = 256 << 10
	b.SetBytes(chunk)
	b.ReportAllocs()
	go func() {
		p := make([]byte, chunk)
		for range b.N {
			if _, err := from.Write(p); err != nil {
				b.Errorf("writing: %v", err)
				return
			}
		}
	}()
	p := make([]byte, chunk)
	b.ResetTimer()
	for left := b.N * chunk; left > 0; {
		n, err := to.Read(p)
		if err != nil {
			b.Fatalf("reading: %v", err)
		}
		left -= n
	}
}

func BenchmarkPingPong(b *testing.B) {
	for _, w := range ways() {
		b.Run(w.name, func(b *testing.B) {
			program, peer := w.connect(b)
			b.ReportAllocs()
			go func() { _, _ = io.Copy(peer, peer) }()
			p := make([]byte, 100)
			b.ResetTimer()
			for range b.N {
				if _, err := program.Write(p); err != nil {
					b.Fatalf("writing: %v", err)
				}
				if _, err := io.ReadFull(program, p); err != nil {
					b.Fatalf("reading: %v", err)
				}
			}
		})
	}
}
