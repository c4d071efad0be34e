package service

import (
	"context"
	"sync"
)

// queue hands out a bounded number of turns. When all are taken, users wait
// side by side: each turn that gets free goes to the next user in a circle,
// whatever number of requests each has waiting.
type queue struct {
	share int // at most so many turns for one user

	mu      sync.Mutex
	free    int
	running map[uint32]int
	waiting map[uint32][]chan struct{} // of users in circle
	circle  []uint32                   // users who wait
}

func newQueue(turns, share int) *queue {
	return &queue{share: share, free: turns, running: map[uint32]int{}, waiting: map[uint32][]chan struct{}{}}
}

// enter waits for a turn, which leave gives back.
func (q *queue) enter(ctx context.Context, uid uint32) error {
	q.mu.Lock()
	if q.free > 0 && q.running[uid] < q.share && len(q.waiting[uid]) == 0 {
		q.takeLocked(uid)
		q.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	if len(q.waiting[uid]) == 0 {
		q.circle = append(q.circle, uid)
	}
	q.waiting[uid] = append(q.waiting[uid], turn)
	q.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.withdrawLocked(uid, turn) {
		q.leaveLocked(uid) // it came at the same moment
	}
	return context.Cause(ctx)
}

// length is how many wait.
func (q *queue) length() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, line := range q.waiting {
		n += len(line)
	}
	return n
}

func (q *queue) takeLocked(uid uint32) {
	q.free--
	q.running[uid]++
}

// withdrawLocked takes back a request that has had no turn.
func (q *queue) withdrawLocked(uid uint32, turn chan struct{}) bool {
	line := q.waiting[uid]
	for i, other := range line {
		if other != turn {
			continue
		}
		q.waiting[uid] = append(line[:i:i], line[i+1:]...)
		if len(q.waiting[uid]) == 0 {
			q.dropLocked(uid)
		}
		return true
	}
	return false
}

func (q *queue) dropLocked(uid uint32) {
	delete(q.waiting, uid)
	for i, other := range q.circle {
		if other == uid {
			q.circle = append(q.circle[:i:i], q.circle[i+1:]...)
			return
		}
	}
}

// leave gives a turn back.
func (q *queue) leave(uid uint32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leaveLocked(uid)
}

func (q *queue) leaveLocked(uid uint32) {
	q.free++
	if q.running[uid]--; q.running[uid] <= 0 {
		delete(q.running, uid)
	}
	for q.free > 0 && q.nextLocked() {
	}
}

// nextLocked gives a turn to the first user in the circle who may have one.
func (q *queue) nextLocked() bool {
	for i, uid := range q.circle {
		if q.running[uid] >= q.share {
			continue
		}
		line := q.waiting[uid]
		q.circle = append(q.circle[:i:i], q.circle[i+1:]...)
		if line = line[1:]; len(line) > 0 {
			q.circle = append(q.circle, uid)
		}
		turn := q.waiting[uid][0]
		if len(line) == 0 {
			delete(q.waiting, uid)
		} else {
			q.waiting[uid] = line
		}
		q.takeLocked(uid)
		close(turn)
		return true
	}
	return false
}
