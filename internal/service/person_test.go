package service

import (
	"slices"
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
	programs "github.com/secure-socket-api/ssa/internal/program"
)

// processOf is one of a user and group, with some more groups.
func processOf(uid, gid uint32, more ...uint32) *programs.Process {
	return &programs.Process{PID: 7, UIDs: [4]uint32{uid, uid, uid, uid},
		GIDs:    [4]uint32{gid, gid, gid, gid},
		Program: subject.Program{UID: uid, GID: gid, Groups: more}}
}

// alone says that a user belongs to nobody else.
func alone(uid uint32) uint32 { return uid }

func TestMayAct(t *testing.T) {
	uids := func(uids ...uint32) *programs.Process {
		p := processOf(5, 50)
		p.UIDs = [4]uint32(uids)
		return p
	}
	gids := func(gids ...uint32) *programs.Process {
		p := processOf(5, 50)
		p.GIDs = [4]uint32(gids)
		return p
	}
	nested := func(p *programs.Process, owner uint32) *programs.Process {
		p.Nested, p.Owner = true, owner
		return p
	}
	for _, tc := range []struct {
		uid     uint32
		process *programs.Process
		ok      bool
	}{
		{0, processOf(5, 77), true},
		{5, processOf(5, 50), true},
		{6, processOf(5, 50), false},
		{5, uids(5, 0, 5, 5), false}, // a set-user-ID program of root
		{5, uids(5, 5, 0, 5), false},
		{5, uids(5, 5, 5, 0), false},
		{5, uids(0, 5, 5, 5), false},
		{5, uids(0, 0, 0, 0), false},
		{5, processOf(5, 51), true}, // a supplementary group of the caller
		{5, processOf(5, 50, 51), true},
		{5, processOf(5, 50, 51, 77), false},
		{5, processOf(5, 77), false},
		{5, gids(50, 77, 77, 77), false}, // a set-group-ID program
		{5, gids(50, 50, 77, 50), false}, // that has put its rights aside
		{5, gids(77, 50, 50, 50), false},
		{5, gids(50, 50, 50, 77), false},
		{5, nested(processOf(100000, 100000), 5), true}, // a container of the caller
		{5, nested(processOf(100000, 100000), 6), false},
		{5, nested(processOf(5, 77), 6), false},
		{5, nested(processOf(5, 50), 0), true},
	} {
		who := person{tc.uid, []uint32{50, 51}, alone}
		if err := who.mayAct(tc.process); (err == nil) != tc.ok {
			t.Errorf("user %d for %+v: %v", tc.uid, tc.process, err)
		}
	}
}

// A group of a process in a user namespace may have been come by.
func TestGroupsOfNamespaces(t *testing.T) {
	who := person{5, []uint32{50, 51}, alone}
	p := *processOf(5, 77, 50, 78)
	p.Nested, p.Owner = true, 5
	if got := who.as(p); got.GID != noGroup || !slices.Equal(got.Groups, []uint32{50}) {
		t.Errorf("it counts as group %d and %v", got.GID, got.Groups)
	}
	if got := (&person{uid: 0}).as(p); got.GID != 77 || len(got.Groups) != 2 || len(p.Groups) != 2 {
		t.Errorf("for root it counts as group %d and %v", got.GID, got.Groups)
	}
	p.Nested = false
	if got := who.as(p); got.GID != 77 || len(got.Groups) != 2 {
		t.Errorf("outside it counts as group %d and %v", got.GID, got.Groups)
	}
}

// A process of another user can be in a caller's user namespace: root has
// entered it. The caller does not become that user by speaking for it.
func TestUsersOfNamespaces(t *testing.T) {
	subordinates := func(uid uint32) uint32 {
		if uid >= 100000 && uid < 165536 {
			return 5
		}
		return uid
	}
	for _, tc := range []struct {
		caller, uid, want uint32
		nested            bool
	}{
		{5, 0, 5, true}, // root's nsenter
		{5, 6, 5, true},
		{5, 5, 5, true},
		{5, 100033, 100033, true}, // a container of the caller
		{5, 165536, 5, true},
		{100000, 5, 100000, true},      // the other way round
		{100000, 100000, 100000, true}, // a subordinate speaks for his own
		{0, 6, 6, true},
		{5, 6, 6, false}, // refused by mayAct
	} {
		who := person{tc.caller, []uint32{50}, subordinates}
		p := *processOf(tc.uid, 50)
		p.Nested, p.Owner, p.Cgroup = tc.nested, tc.caller, "/system.slice"
		if got := who.as(p); got.UID != tc.want || (got.Cgroup != "") != (got.UID == tc.uid) {
			t.Errorf("for %d, user %d in a namespace %v counts as %d in %q, want %d", tc.caller, tc.uid, tc.nested, got.UID, got.Cgroup, tc.want)
		}
	}
}

func TestClaim(t *testing.T) {
	process := func(exe, file string) *programs.Process {
		p := &programs.Process{Program: subject.Program{Exe: exe}}
		p.File = "1:2"
		if file == "" {
			p.File = ""
		}
		return p
	}
	for _, tc := range []struct {
		claim claim
		p     *programs.Process
		fits  bool
	}{
		{claim{}, process("/a", "1:2"), true},
		{claim{"/a", "1:2"}, process("/a", "1:2"), true},
		{claim{"/in/a/container", "1:2"}, process("elsewhere:/a", "1:2"), true},
		{claim{"/a", "1:3"}, process("/a", "1:2"), false},
		{claim{"/a", "1:3"}, process("elsewhere:/a", ""), true}, // on a user's own file system
		{claim{"/a", ""}, process("elsewhere:/a (deleted)", "1:2"), true},
		{claim{"/b", ""}, process("/a", "1:2"), false},
	} {
		if tc.claim.fits(tc.p) != tc.fits {
			t.Errorf("%+v of %s, %s: want %v", tc.claim, tc.p.Exe, tc.p.File, tc.fits)
		}
	}
}
