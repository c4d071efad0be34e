package service

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

var errNoKeyLog = errors.New("this service keeps no key logs")

// maxKeyLog is how long secrets may be written at most.
const maxKeyLog = 24 * time.Hour

// administrator reports whether the caller may do what only the administrator
// may.
func (c *caller) administrator() bool {
	return c.uid == 0 || c.uid == c.service.cfg.Administrator
}

// notAdministrator refuses a caller what only the administrator may do.
func (c *caller) notAdministrator(what string) *engine.Error {
	return c.refusedFor(NotAdministrator, Connection{Process: c.process()},
		refused("only root may %s, and the caller is user %d", what, c.uid))
}

// report answers Status. Users see their own connections, the administrator sees
// all. Who asks often waits for his turn.
func (c *caller) report(m *wire.Status) error {
	var query []byte
	if len(m.Query) > 0 {
		query = m.Query[0]
	}
	if err := c.service.reports.Enter(c.ctx, c.owner); err != nil {
		return err
	}
	defer c.service.reports.Leave(c.owner)
	if m.For && !c.administrator() {
		return c.refuse(m.Ref, c.notAdministrator("see what others see"))
	}
	viewer, all := c.uid, c.administrator() && !m.For
	if m.For {
		viewer = uint32(m.UID)
	}
	if m.Earlier > 0 {
		return c.reportEarlier(m, viewer, all)
	}
	data, err := c.service.cfg.Observer.Report(viewer, all, query)
	if err != nil {
		return c.refuse(m.Ref, refused("%v", err))
	}
	return c.conn.Send(&wire.Report{Ref: m.Ref, JSON: [][]byte{data}})
}

// reportEarlier passes Status on to the service that was here before.
func (c *caller) reportEarlier(m *wire.Status, viewer uint32, all bool) error {
	report, err := c.service.cfg.Earlier.status(c.ctx,
		wire.Status{Query: m.Query, Earlier: m.Earlier - 1, For: !all, UID: uint64(viewer)})
	if err != nil {
		return c.refuse(m.Ref, refused("%v", err))
	}
	return c.conn.Send(&wire.Report{Ref: m.Ref, JSON: report.JSON})
}

func (c *caller) keyLog(m *wire.KeyLog, fd *sys.FD) error {
	defer fd.Close()
	duration := time.Duration(min(m.Seconds, uint64(maxKeyLog/time.Second))) * time.Second
	var err error
	switch {
	case !c.administrator():
		return c.refuse(m.Ref, c.notAdministrator("switch a key log on"))
	case m.Seconds == 0:
		if !c.service.cfg.Observer.EndKeyLog(m.Profile) {
			err = fmt.Errorf("no key log of a profile %q is on", m.Profile)
		}
	case fd.Int() < 0:
		err = errors.New("KeyLog needs the file to write to, and this one has none")
	case !c.service.hasProfile(m.Profile):
		err = fmt.Errorf("the policy has no profile %q: nothing would be written", m.Profile)
	default:
		err = c.service.cfg.Observer.KeyLog(m.Profile, duration,
			os.NewFile(uintptr(fd.Disown()), "key log"), c.uid)
	}
	if err != nil {
		return c.refuse(m.Ref, refused("%v", err))
	}
	return c.conn.Send(&wire.Done{Ref: m.Ref})
}

// hasProfile reports whether the policy has a profile of this name.
func (s *Service) hasProfile(name string) bool {
	rules := s.rules.Load()
	return name == rules.Default().Profile || slices.ContainsFunc(rules.Profiles(),
		func(e *policy.Effective) bool { return e.Profile == name })
}

// takeOver hands the listening socket to another service, and leaves.
func (c *caller) takeOver(m *wire.TakeOver) error {
	s := c.service
	if !c.administrator() {
		return c.refuse(m.Ref, c.notAdministrator("take the service over"))
	}
	s.mu.Lock()
	listener := s.listener
	s.mu.Unlock()
	if listener == nil {
		return c.refuse(m.Ref, refused("the service does not listen"))
	}
	if err := listener.Control(func(fd int) error {
		return c.conn.Send(&wire.Taken{Ref: m.Ref},
			fd)
	}); err != nil {
		return err
	}
	s.cfg.Log.Warn("another service takes over; this one serves its connections until they end", "pid", c.pid, "uid", c.uid)
	s.Leave()
	return nil
}
