package turns

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

// A user with many requests waiting gets no more turns than one with few.
func TestQueueIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[uint32](2, 2)
		ctx := t.Context()
		for range 2 {
			if err := q.Enter(ctx, 1); err != nil {
				t.Fatal(err)
			}
		}
		served := make(chan uint32, 100)
		for range 20 { // one after the other, so that the order is known
			go func() {
				if q.Enter(ctx, 1) == nil {
					served <- 1
				}
			}()
			synctest.Wait()
		}
		for range 3 {
			go func() {
				if q.Enter(ctx, 2) == nil {
					served <- 2
				}
			}()
			synctest.Wait()
		}
		if n := q.Length(); n != 23 {
			t.Errorf("%d wait, of 23", n)
		}
		var order []uint32
		running := []uint32{1, 1}
		for range 8 {
			q.Leave(running[0])
			running = running[1:]
			synctest.Wait()
			uid := <-served
			order = append(order, uid)
			running = append(running, uid)
		}
		if want := []uint32{1, 2, 1, 2, 1, 2, 1, 1}; !slices.Equal(order, want) {
			t.Errorf("turns went to users %v, want %v", order, want)
		}
		for len(running) > 0 || len(q.waiting) > 0 {
			q.Leave(running[0])
			running = running[1:]
			synctest.Wait()
			for len(served) > 0 {
				running = append(running, <-served)
			}
		}
		if q.free != 2 || len(q.running) != 0 || len(q.circle) != 0 {
			t.Errorf("%d turns are free, %v run and %v wait at the end", q.free, q.running, q.circle)
		}
	})
}

// One user never has more than the share, even when nobody else is there; what
// waits for it keeps nobody else waiting.
func TestQueueShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[uint32](4, 3)
		ctx, cancel := context.WithCancelCause(t.Context())
		for range 3 {
			if err := q.Enter(ctx, 1); err != nil {
				t.Fatal(err)
			}
		}
		outcome := make(chan error)
		go func() { outcome <- q.Enter(ctx, 1) }()
		synctest.Wait()
		if err := q.Enter(t.Context(), 2); err != nil {
			t.Errorf("another user: %v", err)
		}
		reason := errors.New("given up")
		cancel(reason)
		if err := <-outcome; !errors.Is(err, reason) {
			t.Errorf("a request that was given up ended with %v", err)
		}
		if len(q.waiting) != 0 || len(q.circle) != 0 || q.free != 0 {
			t.Errorf("%v wait and %d turns are free after a withdrawal", q.waiting, q.free)
		}
		for range 3 {
			q.Leave(1)
		}
		q.Leave(2)
		if q.free != 4 || len(q.running) != 0 {
			t.Errorf("%d turns are free and %v run at the end", q.free, q.running)
		}
	})
}
