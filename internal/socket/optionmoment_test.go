package socket

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// phases are the states in the words of the contract's table, said again.
var phases = map[State]abi.Phase{Fresh: abi.InFresh, Failed: abi.InFresh, Connecting: abi.InConnect,
	Connected: abi.InUse, Ended: abi.InUse, Listening: abi.InListen}

// inState calls f with a socket in a state, as far as options can see it.
func inState(t *testing.T, is State, f func(s *Socket, c *testCaller)) {
	t.Helper()
	r := newRig(t, ssatest.NewAuthority(t))
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	connection := &connected{facts: &engine.Facts{}}
	in := s.table.born(map[State]state{Fresh: fresh{}, Failed: &failed{}, Connecting: &attempt{},
		Connected: connection,
		Ended:     ended{connection}, Listening: &listener{}}[is], abi.FamilyInet, s.id)
	in.rules = s.rules
	f(in, c)
}

// TestOptionsObeyTheTable: for each option and state, setting and reading are
// answered as the contract's table has it.
func TestOptionsObeyTheTable(t *testing.T) {
	for state, phase := range phases {
		inState(t, state, func(s *Socket, c *testCaller) {
			for _, info := range abi.Options {
				obeys(t, s, c, info, phase)
			}
		})
	}
}

// TestTheTableDecides: a row that says something else is obeyed too, so that no
// handler has a rule of its own.
func TestTheTableDecides(t *testing.T) {
	table := slices.Clone(abi.Options)
	defer copy(abi.Options, table)
	for state, phase := range phases {
		inState(t, state, func(s *Socket, c *testCaller) {
			for i := range abi.Options {
				row := &abi.Options[i]
				was := table[i]
				for moment := abi.Never; moment <= abi.Any; moment++ {
					if row.Set = was.Set; was.Set != abi.Never {
						row.Set = moment
					}
					if row.Get = was.Get; was.Get != abi.Never && was.Get != abi.Connected {
						row.Get = moment
					}
					obeys(t, s, c, *row, phase)
				}
				*row = was
			}
		})
	}
}

// obeys checks what a socket answers. A value of three bytes is wrong for every
// option but TLS_ALPN and the host names, for which it is right: what may be
// set now is not answered with a state's errno, or is set.
func obeys(t *testing.T, s *Socket, c *testCaller, info abi.OptionInfo, phase abi.Phase) {
	t.Helper()
	err := s.SetTLSOption(c, info.Option, []byte("a.b"))
	tooLate := err != nil && err.Error() == info.Name+" must be set before listen"
	switch want := info.Set.In(phase); {
	case want == abi.EINVAL: // of which there are others
		if !tooLate {
			t.Errorf("%s, %v: set: %v, want that it is too late", info.Name, s.State(), err)
		}
	case want != 0:
		if Errno(err) != want {
			t.Errorf("%s, %v: set: %v, want %v", info.Name, s.State(), err, want)
		}
	case tooLate || err != nil &&
		slices.Contains([]abi.Errno{abi.EISCONN, abi.ENOPROTOOPT, abi.ENOTCONN}, Errno(err)):
		t.Errorf("%s, %v: set: %v, and the table says that it may be", info.Name, s.State(), err)
	}
	_, err = s.TLSOption(c, info.Option)
	if want := info.Get.In(phase); want == 0 && err != nil || want != 0 && Errno(err) != want {
		t.Errorf("%s, %v: read: %v, want errno %d", info.Name, s.State(), err, want)
	}
}

// TestEveryOptionHasOneSetter: what the table lets programs set is a setting of
// the policy, or has a setter here.
func TestEveryOptionHasOneSetter(t *testing.T) {
	for _, info := range abi.Options {
		var asked policy.ProgramSettings
		err := asked.Set(info.Option, []byte("?"), binary.NativeEndian)
		isPolicys := err == nil || !strings.Contains(err.Error(), "does not tighten the policy")
		_, own := setters[info.Option]
		if settable := info.Set != abi.Never; isPolicys && own || settable != (isPolicys || own) {
			t.Errorf("%s can be set: %v, is a setting of the policy: %v, has a setter: %v", info.Name, settable, isPolicys, own)
		}
	}
}
