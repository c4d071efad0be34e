package relay

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// scarce is a Memory of so many bytes.
type scarce struct {
	limit, used, most atomic.Int64
}

func (s *scarce) Room(n int) bool { return s.used.Load()+int64(n) <= s.limit.Load() }

func (s *scarce) Hold(n int) {
	used := s.used.Add(int64(n))
	for most := s.most.Load(); used > most &&
		!s.most.CompareAndSwap(most, used); most = s.most.Load() {
	}
}

// TestScarceMemory: with no memory for those who wait, every byte goes on all
// the same, both ways at once, and what is held is next to nothing.
func TestScarceMemory(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, limit := range []int64{0, 100_000, 1 << 40} {
			t.Run(fmt.Sprintf("%s, %d bytes", tls.VersionName(version), limit), func(t *testing.T) {
				memory := &scarce{}
				memory.limit.Store(limit)
				r := unstartedRig(t,
					rigOptions{version: version, change: func(c *Config) { c.Memory = memory }})
				r.start(t)
				data := bytes.Repeat([]byte("all of this arrives, and in this order. "), 200_000)
				var all sync.WaitGroup
				pass := func(to io.Writer, from io.Reader) {
					all.Go(func() {
						if _, err := to.Write(data); err != nil {
							t.Error(err)
						}
					})
					all.Go(func() {
						got := make([]byte, len(data))
						if _, err := io.ReadFull(from, got); err != nil || !bytes.Equal(got, data) {
							t.Errorf("what arrived differs: %v", err)
						}
					})
				}
				pass(r.program, r.peer)
				pass(r.peer, r.program)
				all.Wait()
				if memory.used.Load() != 0 {
					t.Errorf("%d bytes are held when all have arrived", memory.used.Load())
				}
				if most := memory.most.Load(); most > limit+smallSize+smallSize {
					t.Errorf("%d bytes were held at a time, with room for %d", most, limit)
				}
			})
		}
	}
}

// TestStalledHoldLittle: connections whose ends do not read, with bytes both
// ways, hold what there is memory for and little more, however many they are.
// Once they read, all arrives.
func TestStalledHoldLittle(t *testing.T) {
	const connections, limit = 24, 512 << 10
	memory := &scarce{}
	memory.limit.Store(limit)
	data := make([]byte, 8<<20)
	var all sync.WaitGroup
	var rigs []*rig
	for range connections {
		r := unstartedRig(t, rigOptions{change: func(c *Config) { c.Memory = memory }})
		r.start(t)
		rigs = append(rigs, r)
		all.Go(func() { _, _ = r.program.Write(data) }) // if it fails, too little is read below
		all.Go(func() { _, _ = r.peer.Write(data) })
	}
	ssatest.Await(t, "all the memory there is is held",
		func() bool { return memory.used.Load() >= limit-largeSize })
	if most := memory.most.Load(); most > limit+connections*(tinySize+smallSize) {
		t.Errorf("%d bytes are held by %d connections, with room for %d", most, connections, limit)
	}
	for _, r := range rigs {
		for _, from := range []io.Reader{r.program, r.peer} {
			all.Go(func() {
				if n, err := io.CopyN(io.Discard, from, int64(len(data))); err != nil {
					t.Errorf("%d bytes arrived: %v", n, err)
				}
			})
		}
	}
	all.Wait()
	if memory.used.Load() != 0 {
		t.Errorf("%d bytes are held when all have arrived", memory.used.Load())
	}
}
