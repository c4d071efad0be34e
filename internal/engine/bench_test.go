package engine_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// Both ends of each handshake run here: half of the time is the peer's.
func BenchmarkHandshake(b *testing.B) {
	a := ssatest.NewAuthority(b)
	issued := a.Intermediate(b).Issue(b, ssatest.Leaf{Names: []string{"a.example"}})
	id := makeIdentity(b, issued)
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		for name, resume := range map[string]bool{"full": false, "resumed": true} {
			b.Run(tls.VersionName(version)+"/"+name, func(b *testing.B) {
				e := engine.New(engine.Config{})
				client := effective(a)
				client.MaxVersion, client.Resumption = version, resume
				server := effective()
				server.MaxVersion, server.Resumption = version, resume
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				defer listener.Close()
				resumed := 0
				for b.Loop() {
					tcp, err := net.Dial("tcp", listener.Addr().String())
					if err != nil {
						b.Fatal(err)
					}
					accepted, err := listener.Accept()
					if err != nil {
						b.Fatal(err)
					}
					served, gone := plainPair(b)
					// Sends nothing, but its end makes the client read its tickets.
					gone.Close()
					done := make(chan error, 1)
					go func() {
						req := &engine.Request{Role: engine.Server, Policy: server, Identities: []*identity.Identity{id}}
						conn, err := e.Handshake(context.Background(), accepted.(*net.TCPConn), req)
						if err == nil {
							conn.Relay(served, engine.RelayOptions{})
						}
						done <- err
					}()
					conn, err := e.Handshake(context.Background(), tcp.(*net.TCPConn), &engine.Request{Name: "a.example", Port: 443, Policy: client})
					if err != nil {
						b.Fatal(err)
					}
					if conn.Facts().Resumed {
						resumed++
					}
					mine, program := plainPair(b)
					program.Close()
					conn.Relay(mine, engine.RelayOptions{})
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(resumed)/float64(b.N), "resumed/op")
			})
		}
	}
}
