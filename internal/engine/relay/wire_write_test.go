package relay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// reluctant is a TCP connection without a descriptor that takes as many bytes
// of each write as its turns say, then all, and remembers its write deadline.
type reluctant struct {
	script
	turns    []int
	deadline time.Time
}

func (r *reluctant) Write(p []byte) (int, error) {
	runtime.Gosched() // for others to come in between
	if len(r.turns) == 0 {
		return r.script.Write(p)
	}
	n := r.turns[0]
	r.turns = r.turns[1:]
	_, _ = r.script.Write(p[:n])
	return n, os.ErrDeadlineExceeded
}

func (r *reluctant) SetWriteDeadline(t time.Time) error {
	r.deadline = t
	return nil
}

// A peer that takes little, and again and again nothing for a while, has not
// stalled; one that takes nothing for all the time has.
func TestStallCountsFromProgress(t *testing.T) {
	for _, c := range []struct {
		turns []int
		want  error
	}{
		{[]int{0, 1, 0, 1, 0, 1, 0, 1}, nil},
		{[]int{0, 0, 1}, errStalled},
		{[]int{1, 0, 0, 1}, errStalled},
	} {
		tcp := &reluctant{turns: c.turns}
		w := NewWire(tcp)
		p := endless()
		p.stall, p.step, p.gone = 2*time.Hour, time.Hour, func() bool { return true }
		w.beginRelay(p)
		w.cork(0)
		mustWrite(t, w, []byte("all of it"))
		err := w.uncork()
		if err != c.want || (err == nil && string(bytes.Join(tcp.wrote, nil)) != "all of it") {
			t.Errorf("%v: %q left, %v; want %v", c.turns, tcp.wrote, err, c.want)
		}
	}
}

// Nothing gives a write that was cut off a new time.
func TestCutStays(t *testing.T) {
	tcp := &reluctant{turns: []int{0, 0, 0}}
	w := NewWire(tcp)
	w.beginRelay(endless())
	w.cut()
	w.armStall()
	w.disarmStall()
	if !tcp.deadline.Equal(longAgo) {
		t.Errorf("after a cut the deadline is %v", tcp.deadline)
	}
	if err := w.send([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || len(tcp.turns) != 2 {
		t.Errorf("sending after a cut: %v, in %d turns", err, 3-len(tcp.turns))
	}
}

// Whoever of both directions sends, what was put in first leaves first.
func TestOrder(t *testing.T) {
	tcp := &reluctant{}
	w := NewWire(tcp)
	w.beginRelay(endless())
	const each = 2000
	number := uint32(0) // guarded by w.outMu, as record numbers are
	var both sync.WaitGroup
	for range 3 {
		both.Go(func() {
			for range each {
				w.outMu.Lock()
				if !w.makeRoomLocked(4) {
					t.Errorf("no room: %v", w.sendableLocked())
				}
				w.pending.w += len(binary.BigEndian.AppendUint32(w.pending.free()[:0], number))
				number++
				w.flushLocked()
				w.outMu.Unlock()
			}
		})
	}
	both.Wait()
	got := bytes.Join(tcp.wrote, nil)
	if len(got) != 4*int(number) {
		t.Fatalf("%d bytes left, want %d", len(got), 4*number)
	}
	for i := range number {
		if n := binary.BigEndian.Uint32(got[4*i:]); n != i {
			t.Fatalf("number %d left in place of %d", n, i)
		}
	}
}

// What waits to be sent stays when more than a small buffer is to be gathered.
func TestGatheringKeepsWhatWaits(t *testing.T) {
	tcp := &script{}
	w := NewWire(tcp)
	w.beginRelay(endless())
	w.cork(0)
	mustWrite(t, w, []byte("waits,"))
	w.cork(maxPlaintext + 1)
	mustWrite(t, w, []byte("follows"))
	must(t, w.uncork())
	if got := bytes.Join(tcp.wrote, nil); string(got) != "waits,follows" {
		t.Errorf("%q left", got)
	}
}

// Who begins to wait for TCP in the moment in which leave is called does not
// wait for long.
func TestLeaveWhileBeginningToWait(t *testing.T) {
	for i := range 100_000 {
		tcp := &reluctant{}
		w := NewWire(tcp)
		w.stall, w.step = time.Hour, time.Hour
		left := make(chan struct{})
		go func() {
			defer close(left)
			w.leave()
		}()
		w.armStall()
		<-left
		if wait := time.Until(tcp.deadline); wait > time.Minute {
			t.Fatalf("round %d: waits for %v", i, wait)
		}
	}
}
