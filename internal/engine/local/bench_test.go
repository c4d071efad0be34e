package local_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
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
				e := local.New(local.Config{})
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
					served, gone := plaintextPair(b)
					// Sends nothing, but its end makes the client read its tickets.
					gone.Close()
					done := make(chan error, 1)
					go func() {
						req := &engine.Request{Role: engine.Server, Policy: server,
							Identities: []*identity.Identity{id}}
						conn, err := e.Handshake(context.Background(), accepted.(*net.TCPConn), req)
						if err == nil {
							engine.RelayToEnd(conn, served, engine.RelayOptions{})
						}
						done <- err
					}()
					conn, err := e.Handshake(context.Background(), tcp.(*net.TCPConn),
						&engine.Request{Name: "a.example", Port: 443, Policy: client})
					if err != nil {
						b.Fatal(err)
					}
					if conn.Facts().Resumed {
						resumed++
					}
					mine, program := plaintextPair(b)
					program.Close()
					engine.RelayToEnd(conn, mine, engine.RelayOptions{})
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(resumed)/float64(b.N), "resumed/op")
			})
		}
	}
}

// What crypto/tls alone takes, without an engine and a relay.
func BenchmarkBareHandshake(b *testing.B) {
	a := ssatest.NewAuthority(b)
	issued := a.Intermediate(b).Issue(b, ssatest.Leaf{Names: []string{"a.example"}})
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		for name, resume := range map[string]bool{"full": false, "resumed": true} {
			b.Run(tls.VersionName(version)+"/"+name, func(b *testing.B) {
				server := &tls.Config{Certificates: []tls.Certificate{issued.TLS}, MaxVersion: version,
					SessionTicketsDisabled: !resume}
				client := &tls.Config{ServerName: "a.example", RootCAs: a.Pool(), MaxVersion: version}
				if resume {
					client.ClientSessionCache = tls.NewLRUClientSessionCache(0)
				}
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				defer listener.Close()
				for b.Loop() {
					tcp, err := net.Dial("tcp", listener.Addr().String())
					if err != nil {
						b.Fatal(err)
					}
					accepted, err := listener.Accept()
					if err != nil {
						b.Fatal(err)
					}
					done := make(chan error, 1)
					go func() {
						conn := tls.Server(accepted, server)
						err := conn.Handshake()
						conn.Close()
						done <- err
					}()
					conn := tls.Client(tcp, client)
					if _, err := io.ReadAll(conn); err != nil {
						b.Fatal(err)
					}
					conn.Close()
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
