package service

import (
	"testing"
	"time"
)

// One user can have only so much said of him in a time, and keeps nobody else
// from being told of.
func TestComplaintsAreBounded(t *testing.T) {
	c := newComplaints(maxComplaints, complaintsTime)
	now := time.Now()
	c.now = func() time.Time { return now }
	said := 0
	for range 1000 {
		if ok, _ := c.may(1); ok {
			said++
		}
	}
	if said != maxComplaints {
		t.Errorf("%d lines were written about one user, want %d", said, maxComplaints)
	}
	if ok, leftOut := c.may(2); !ok || leftOut != 0 {
		t.Errorf("another user: %v, %d left out", ok, leftOut)
	}
	now = now.Add(complaintsTime)
	if ok, leftOut := c.may(1); !ok || leftOut != 1000-maxComplaints {
		t.Errorf("later: %v, %d left out, want %d", ok, leftOut, 1000-maxComplaints)
	}
	for uid := range uint32(3 * maxComplainers) {
		c.may(uid)
	}
	if len(c.by) > maxComplainers {
		t.Errorf("%d users are remembered, at most %d should be", len(c.by), maxComplainers)
	}
}
