package policy

import (
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
)

func TestSharers(t *testing.T) {
	alice := subject.Program{Exe: "/usr/bin/a", UID: 1000}
	for _, tc := range []struct {
		name                   string
		other                  subject.Program
		profile, user, program bool // whether they share
	}{
		{"the same", alice, true, true, true},
		{"something else at its path", subject.Program{Exe: "elsewhere:/usr/bin/a", UID: 1000}, true, true, false},
		{"another group", subject.Program{Exe: "/usr/bin/a", UID: 1000, GID: 7}, true, true, true},
		{"another executable", subject.Program{Exe: "/usr/bin/b", UID: 1000}, true, true, false},
		{"another script", subject.Program{Exe: "/usr/bin/a", Script: "/b", UID: 1000}, true, true, false},
		{"another user", subject.Program{Exe: "/usr/bin/a", UID: 100}, true, false, false},
		{"a name like another's", subject.Program{Exe: `/usr/bin/a" "/b`, UID: 1000}, true, true, false},
	} {
		for _, by := range []struct {
			sharing Sharing
			want    bool
		}{{SharedByProfile, tc.profile}, {SharedByUser, tc.user}, {SharedByProgram, tc.program}} {
			e := &Effective{SharedBy: by.sharing}
			a, b := e.Sharers(alice), e.Sharers(tc.other)
			if a == "" || (a == b) != by.want {
				t.Errorf("%s: shared by %s: %q and %q, want the same: %v", tc.name, by.sharing, a, b, by.want)
			}
		}
	}
}
