package socket

import (
	"errors"
	"net/netip"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// denied tells who watches of what the policy refused before the engine was
// asked. A program that cannot be named has gone, and was refused nothing.
func (t *Table) denied(c Caller, d engine.Denial, why error) {
	if t.cfg.Denied == nil {
		return
	}
	pidfd, err := c.OpenProcess()
	if err != nil {
		t.cfg.Log.Warn("the service is not told of a refusal: "+err.Error(), "program", c.String())
		return
	}
	d.Process = pidfd
	d.Exe, d.File = c.Executable()
	t.tellDenied(d, why)
}

// deniedLater is denied for a connection under way.
func (t *Table) deniedLater(a *attempt, peer netip.AddrPort, why error) {
	if t.cfg.Denied == nil || a.process.pidfd == nil {
		return
	}
	pidfd, err := a.process.pidfd.Dup()
	if err != nil {
		return
	}
	t.tellDenied(engine.Denial{Process: pidfd, Exe: a.process.Exe, File: a.process.File, ID: a.req.ID,
		Name: a.req.Name, Peer: peer}, why)
}

func (t *Table) tellDenied(d engine.Denial, why error) {
	d.Sentence = why.Error()
	var weaker *policy.Weaker
	var forbidden *policy.Forbidden
	switch {
	case errors.As(why, &weaker):
		d.Position = weaker.At.String()
	case errors.As(why, &forbidden):
		d.Position = forbidden.At.String()
	}
	t.cfg.Denied(&d)
}

// peerOf is the address of a peer, not valid when it is not known yet.
func peerOf(peer netip.AddrPort) netip.AddrPort {
	if !peer.Addr().IsValid() {
		return netip.AddrPort{}
	}
	return peer
}
