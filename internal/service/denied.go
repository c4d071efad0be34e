package service

import (
	"errors"
	"net/netip"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	programs "github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// What gates of one user may tell of what they refused: so many in so much
// time. Those beyond are counted.
const (
	maxDenials  = 200
	denialsTime = 10 * time.Second
)

// Bounds of what a gate tells.
const (
	maxDenialText = 4096
	maxMissed     = 1 << 20 // in one message
)

// Denial is what a refusal has that a gate tells of.
type Denial struct {
	// Alone says that the program had ended: the executable is the gate's word,
	// and the caller's user all that is certain.
	Alone    bool
	Position string // in the policy, as the gate says
	Missed   uint64 // refusals before this one that nobody was told of
}

// denied notes what a gate refused a program itself. It is a caller's word: he
// can say what he likes of his own processes, and of no others.
func (c *caller) denied(m *wire.Denied, pidfd *sys.FD) error {
	defer pidfd.Close()
	peer, nonsense := checkDenied(m)
	if nonsense != nil {
		c.nonsense(nonsense)
		return c.refuse(m.Ref, nonsense)
	}
	may, leftOut := c.service.denials.may(c.uid)
	if !may {
		c.service.denials.add(c.uid, m.Missed)
		return c.conn.Send(&wire.Done{Ref: m.Ref})
	}
	if err := c.service.judged.Enter(c.ctx, c.owner); err != nil {
		return err
	}
	defer c.service.judged.Leave(c.owner)
	told := Refusal{
		Connection: Connection{ID: m.ID, Server: m.Server, Name: m.Name, Peer: peer}, Caller: c.uid,
		Err:    refused("%s", m.Sentence),
		Denial: &Denial{Position: m.Position, Missed: min(m.Missed+leftOut, maxMissed)},
	}
	if m.Limit {
		told.Err.Reason = engine.Limited
	}
	if err := c.attribute(&told, claim{m.Exe, programs.FileID(m.ExeFile)}, pidfd); err != nil {
		return c.refuse(m.Ref, err)
	}
	c.service.cfg.Observer.Refused(&told)
	return c.conn.Send(&wire.Done{Ref: m.Ref})
}

func checkDenied(m *wire.Denied) (peer netip.AddrPort, nonsense *engine.Error) {
	m.Missed = min(m.Missed, maxMissed)
	for _, text := range []string{m.Exe, m.ExeFile, m.Name, m.Sentence, m.Position} {
		if len(text) > maxDenialText {
			return peer, refused("the sentence of a refusal has %d bytes: %d are allowed", len(text), maxDenialText)
		}
	}
	if m.Peer == "" {
		return peer, nil
	}
	peer, err := netip.ParseAddrPort(m.Peer)
	if err != nil {
		return peer, refused("the peer of a refusal is %q, which is not an address and port", m.Peer)
	}
	return peer, nil
}

// attribute finds the program that was refused something. One that has ended,
// or executes something else by now, is the caller's word.
func (c *caller) attribute(told *Refusal, claimed claim, pidfd *sys.FD) *engine.Error {
	if pidfd == nil {
		return c.refusedFor(Unidentified, Connection{Process: c.process()}, refused("a refusal needs a pidfd of the program's process, and this one has none"))
	}
	process, err := c.service.processes.identify(pidfd, claimed)
	if errors.Is(err, programs.ErrEnding) {
		return errLeaving
	}
	if err == nil {
		if err := c.person().mayAct(&process); err != nil {
			c.service.complain(c.uid, "impersonation: "+err.Error(), c.pid)
			return c.refusedFor(Impersonation, Connection{Process: process, Server: told.Server,
				Name: told.Name}, refused("%v", err))
		}
	}
	if err != nil || !claimed.fits(&process) {
		told.Denial.Alone, told.Process = true, c.process()
		told.Process.PID, told.Process.Exe = 0, claimed.exe
		return nil
	}
	process = c.person().as(process)
	told.Process, told.Profile = process, c.service.rules.Load().For(process.Program).Profile
	return nil
}
