package turns

import (
	"context"
	"sync"
)

// Queue hands out a bounded number of turns. When all are taken, those who want
// one, users or networks, wait side by side: each turn that gets free goes to
// the next of them in a circle, whatever number of requests each has waiting.
type Queue[K comparable] struct {
	share int // at most so many turns for one of them

	mu      sync.Mutex
	free    int
	running map[K]int
	waiting map[K][]chan struct{} // of who is in the circle
	circle  []K                   // who waits
}

// NewQueue makes a queue with so many turns, and at most a share for one.
func NewQueue[K comparable](turns, share int) *Queue[K] {
	return &Queue[K]{share: share, free: turns, running: map[K]int{}, waiting: map[K][]chan struct{}{}}
}

// Enter waits for a turn, which Leave gives back.
func (q *Queue[K]) Enter(ctx context.Context, who K) error {
	q.mu.Lock()
	if q.free > 0 && q.running[who] < q.share && len(q.waiting[who]) == 0 {
		q.takeLocked(who)
		q.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	if len(q.waiting[who]) == 0 {
		q.circle = append(q.circle, who)
	}
	q.waiting[who] = append(q.waiting[who], turn)
	q.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.withdrawLocked(who, turn) {
		q.leaveLocked(who) // it came at the same moment
	}
	return context.Cause(ctx)
}

// Length is how many wait.
func (q *Queue[K]) Length() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, line := range q.waiting {
		n += len(line)
	}
	return n
}

// Taken is how many turns are taken.
func (q *Queue[K]) Taken() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, had := range q.running {
		n += had
	}
	return n
}

func (q *Queue[K]) takeLocked(who K) {
	q.free--
	q.running[who]++
}

// withdrawLocked takes back a request that has had no turn.
func (q *Queue[K]) withdrawLocked(who K, turn chan struct{}) bool {
	line := q.waiting[who]
	for i, other := range line {
		if other != turn {
			continue
		}
		q.waiting[who] = append(line[:i:i], line[i+1:]...)
		if len(q.waiting[who]) == 0 {
			q.dropLocked(who)
		}
		return true
	}
	return false
}

func (q *Queue[K]) dropLocked(who K) {
	delete(q.waiting, who)
	for i, other := range q.circle {
		if other == who {
			q.circle = append(q.circle[:i:i], q.circle[i+1:]...)
			return
		}
	}
}

// Leave gives a turn back.
func (q *Queue[K]) Leave(who K) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leaveLocked(who)
}

func (q *Queue[K]) leaveLocked(who K) {
	q.free++
	if q.running[who]--; q.running[who] <= 0 {
		delete(q.running, who)
	}
	for q.free > 0 && q.nextLocked() {
	}
}

// nextLocked gives a turn to the first in the circle who may have one.
func (q *Queue[K]) nextLocked() bool {
	for i, who := range q.circle {
		if q.running[who] >= q.share {
			continue
		}
		line := q.waiting[who]
		q.circle = append(q.circle[:i:i], q.circle[i+1:]...)
		if line = line[1:]; len(line) > 0 {
			q.circle = append(q.circle, who)
		}
		turn := q.waiting[who][0]
		if len(line) == 0 {
			delete(q.waiting, who)
		} else {
			q.waiting[who] = line
		}
		q.takeLocked(who)
		close(turn)
		return true
	}
	return false
}
