package audit

import "time"

// How many lines a user may cause: so many at once, and so many a second in the
// long run. Whoever fills the disk with refusals must not hide others'.
const (
	burst     = 200
	perSecond = 20
	maxUsers  = 1024
)

// allowance is what a user may still write.
type allowance struct {
	left    float64
	at      time.Time
	leftOut uint64
}

func (a *allowance) take(now time.Time) bool {
	a.left = min(burst, a.left+max(0, now.Sub(a.at).Seconds())*perSecond)
	a.at = now
	if a.left < 1 {
		a.leftOut++
		return false
	}
	a.left--
	return true
}

// rested reports whether nothing is lost by forgetting it.
func (a *allowance) rested(now time.Time) bool {
	return a.leftOut == 0 && a.left+now.Sub(a.at).Seconds()*perSecond >= burst
}

// allowanceLocked finds the allowance of a user. Users beyond the bound share
// that of the last one.
func (l *Log) allowanceLocked(uid uint32, now time.Time) *allowance {
	if a := l.users[uid]; a != nil {
		return a
	}
	if len(l.users) >= maxUsers {
		for other, a := range l.users {
			if a.rested(now) {
				delete(l.users, other)
			}
		}
	}
	if len(l.users) >= maxUsers {
		uid = ^uint32(0) // no user has this number
		if a := l.users[uid]; a != nil {
			return a
		}
	}
	a := &allowance{left: burst, at: now}
	l.users[uid] = a
	return a
}
