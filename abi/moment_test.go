package abi

import "testing"

// TestMoments is the contract's word on options that are set or read at the
// wrong time: too late is EISCONN when connected and EINVAL when listening, too
// early is ENOTCONN, and what can never be is no such option.
func TestMoments(t *testing.T) {
	before := [Phases]Errno{InConnect: EISCONN, InUse: EISCONN, InListen: EINVAL}
	for m, want := range map[Moment][Phases]Errno{
		Never:         {ENOPROTOOPT, ENOPROTOOPT, ENOPROTOOPT, ENOPROTOOPT},
		BeforeConnect: before, BeforeUse: before, BeforeListen: before,
		Connected: {InFresh: ENOTCONN, InConnect: ENOTCONN, InListen: ENOTCONN},
		Any:       {},
	} {
		for p := range Phase(Phases) {
			if got := m.In(p); got != want[p] {
				t.Errorf("moment %d in phase %d: %d, want %d", m, p, got, want[p])
			}
		}
	}
	for _, o := range Options {
		if o.Set == Connected || o.Get != Never && o.Get != Connected && o.Get != Any {
			t.Errorf("%s is set at moment %d and read at %d: the contract knows no such", o.Name, o.Set, o.Get)
		}
	}
}
