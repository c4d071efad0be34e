package service

import (
	"fmt"
	"slices"

	programs "github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Identifier describes the process of a pidfd. It is an error when the process has
// ended: what /proc says may be of another one with the same id then.
type Identifier interface {
	Identify(pidfd *sys.FD) (programs.Process, error)
}

// person is whom the kernel says a caller to be.
type person struct {
	uid    uint32
	groups []uint32 // the effective one and the supplementary ones
	// belongs says whose a user is: his own, or he is another's subordinate.
	belongs func(uid uint32) uint32
}

func (c *caller) person() *person { return &person{c.uid, c.groups, c.service.owners.of} }

// mayAct reports whether a caller may act for a process: root for all, others
// for those that are theirs in every way, having no user and no group that the
// caller has not, and for those in user namespaces of theirs, over which they
// have every capability.
func (who *person) mayAct(p *programs.Process) error {
	if who.uid == 0 || p.Nested && p.Owner == who.uid {
		return nil
	}
	for _, theirs := range p.UIDs {
		if theirs != who.uid {
			return fmt.Errorf("process %d runs as user %d, and the caller is user %d: it can speak for its own user only", p.PID, theirs, who.uid)
		}
	}
	for _, theirs := range slices.Concat(p.GIDs[:], p.Groups) {
		if !slices.Contains(who.groups, theirs) {
			return fmt.Errorf("process %d runs as group %d, and the caller is not in it: it can speak for its own groups only", p.PID, theirs)
		}
	}
	return nil
}

// noGroup is the number that no group has (chown(2) takes it for "unchanged").
const noGroup = ^uint32(0)

// as returns the program as the caller may speak for it: without groups that the
// caller is not in, since whoever makes a user namespace may have come by them
// for a moment, from a set-group-ID program; and of other users than the caller
// and those that belong to him, who have entered his namespace (setns(2), as
// nsenter(1) of root does), as the caller himself, in no control group.
func (who *person) as(p programs.Process) programs.Process {
	if who.uid == 0 || !p.Nested {
		return p
	}
	if p.UID != who.uid && who.belongs(p.UID) != who.uid {
		p.UID, p.Cgroup = who.uid, ""
	}
	known := func(group uint32) bool { return slices.Contains(who.groups, group) }
	if !known(p.GID) {
		p.GID = noGroup
	}
	p.Groups = slices.DeleteFunc(slices.Clone(p.Groups),
		func(group uint32) bool { return !known(group) })
	return p
}
