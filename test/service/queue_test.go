//go:build linux

package service

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine/lobby"
)

// TestProgramThatDoesNotAccept: clients of a program that never accepts fill
// what is bounded, and disturb nobody else.
func TestProgramThatDoesNotAccept(t *testing.T) {
	// Handshakes and undelivered connections of one listener, and some more clients.
	const queue, clients = lobby.MaxUndelivered, lobby.MaxUndelivered + 300
	w := newWorld(t)
	s := w.service(t)
	w.wantWorking(t)
	before := descriptorsOf(t, s)
	p := w.python(t, nil, `
s = tls()
s.bind(("127.0.0.1", 0))
s.listen(4)
say("@port", s.getsockname()[1])
wait()
`)
	address := fmt.Sprintf("127.0.0.1:%d", p.Port())
	var done atomic.Int64
	var enough atomic.Bool
	defer enough.Store(true)
	var mu sync.Mutex
	var open []*tls.Conn
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			// The kernel's own queue may be full, or too many handshakes under way.
			for !enough.Load() {
				tcp, err := dial(address)
				if err != nil {
					continue
				}
				c := tls.Client(tcp, w.network.Client)
				mu.Lock()
				open = append(open, c)
				mu.Unlock()
				if c.Handshake() == nil {
					done.Add(1)
					return
				}
			}
		})
	}
	for end := time.Now().Add(5 * time.Minute); done.Load() < queue; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of at least %d clients were served", done.Load(), queue)
		}
	}
	enough.Store(true)
	w.wantWorking(t)
	if now := descriptorsOf(t, s); now > before+queue+64 {
		t.Errorf("the service has %d descriptors for %d clients of a program that does not accept, and had %d before", now, clients, before)
	}
	mu.Lock()
	for _, c := range open {
		c.NetConn().Close()
	}
	mu.Unlock()
	p.GoOn()
	p.Finish()
	group.Wait()
	wantNoMore(t, s, before+4) // what resting connections share may have been made meanwhile
}

// dial connects by TCP, and gives up when the kernel keeps it waiting.
func dial(address string) (net.Conn, error) {
	return net.DialTimeout("tcp", address, 5*time.Second)
}
