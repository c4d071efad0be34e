package service

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	programs "github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// resolved is a request with what the service itself found out.
type resolved struct {
	process programs.Process
	req     *engine.Request
	program limitKey
}

// observed describes a connection of the request.
func (r *resolved) observed(id uint64, peer netip.AddrPort) Connection {
	c := Connection{ID: id, Process: r.process, Profile: r.req.Policy.Profile,
		Server: r.req.Role == engine.Server, Name: r.req.Name, Peer: peer}
	if own := r.req.Policy.ServerIdentities; c.Server && len(r.req.Identities) == 0 && len(own) > 0 {
		c.Identity = own[0].Name
	}
	return c
}

// maxLists bounds the lists of a request.
const (
	maxALPN       = 64
	maxIdentities = 1024
	maxRoots      = 4096
)

// resolve finds out on whose behalf a request is, and what the policy says of
// that program with the settings it has asked for.
func (c *caller) resolve(r *wire.Request, pidfd *sys.FD) (*resolved, *engine.Error) {
	process, err := c.identify(r, pidfd)
	if err != nil {
		return nil, err
	}
	res, err := c.judge(r, process)
	if err != nil {
		return nil,
			c.refusedFor(Judged, Connection{Process: *process, Server: r.Server, Name: r.Name}, err)
	}
	return res, nil
}

// identify looks the process of a pidfd up.
func (c *caller) identify(r *wire.Request, pidfd *sys.FD) (*programs.Process, *engine.Error) {
	known := Connection{Process: c.process(), Server: r.Server, Name: r.Name}
	if pidfd == nil {
		return nil, c.refusedFor(Unidentified, known, refused("a request needs a pidfd of the program's process, and this one has none"))
	}
	claim := claim{r.Exe, programs.FileID(r.ExeFile)}
	process, err := c.service.processes.identify(pidfd, claim)
	if errors.Is(err, programs.ErrEnding) {
		return nil, errLeaving
	}
	if err != nil {
		return nil, c.refusedFor(Unidentified, known, refused("the service cannot find out which program this is for: %v", err))
	}
	known.Process = process
	if err := c.person().mayAct(&process); err != nil {
		c.service.complain(c.uid, "impersonation: "+err.Error(), c.pid)
		return nil, c.refusedFor(Impersonation, known, refused("%v", err))
	}
	if !claim.fits(&process) {
		return nil, c.refusedFor(Unidentified, known,
			refused("the process %d executed %s when it asked, and executes %s now", process.PID, r.Exe, programs.Unproven(process.Exe)))
	}
	process = c.person().as(process)
	return &process, nil
}

// process is what is known of who calls, before it is looked at whom it calls
// for.
func (c *caller) process() programs.Process {
	return programs.Process{PID: int(c.pid), UIDs: [4]uint32{c.uid, c.uid, c.uid, c.uid}}
}

// refusedFor tells the observer of a refusal, and returns it.
func (c *caller) refusedFor(cause Cause, x Connection, err *engine.Error) *engine.Error {
	c.service.cfg.Observer.Refused(&Refusal{Connection: x, Cause: cause, Caller: c.uid, Err: err})
	return err
}

// judge makes the engine's request under the policy for the program.
func (c *caller) judge(r *wire.Request, process *programs.Process) (*resolved, *engine.Error) {
	if len(r.ALPN) > maxALPN || len(r.Identities) > maxIdentities || len(r.Roots) > maxRoots {
		return nil, refused("the request has more than %d protocols, %d identities or %d roots", maxALPN, maxIdentities, maxRoots)
	}
	asked, err := policy.ParseOptions(r.Options)
	if err != nil {
		return nil, refused("the settings of the program cannot be read: %v", err)
	}
	asked.Server, asked.ALPN, asked.Roots = r.Server, r.ALPN, len(r.Roots) > 0
	effective, err := policy.Tighten(c.service.rules.Load().For(process.Program), asked)
	if err != nil {
		return nil, refusedBy(err)
	}
	req := &engine.Request{
		Role: engine.Client, Policy: effective, Name: r.Name, Port: r.Port, ALPN: r.ALPN,
		Sharers:          effective.Sharers(process.Program),
		HandshakeTimeout: time.Duration(min(r.TimeoutMillis, 24*3600*1000)) * time.Millisecond,
		Asked:            asked,
	}
	req.Owner = c.service.owners.of(process.UIDs[1])
	if r.Server {
		req.Role = engine.Server
	}
	if err := addCertificates(req, r); err != nil {
		return nil, refused("%v", err)
	}
	return &resolved{*process, req,
		limitKey{effective.Profile, c.service.owners.of(process.UIDs[1])}}, nil
}

func addCertificates(req *engine.Request, r *wire.Request) error {
	for _, pem := range r.Identities {
		id, err := identity.FromHandover(pem)
		clear(pem)
		if err != nil {
			return fmt.Errorf("a certificate of the program cannot be used: %w", err)
		}
		req.Identities = append(req.Identities, id)
	}
	for _, der := range r.Roots {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("a root of the program cannot be used: %w", err)
		}
		req.ProgramRoots = append(req.ProgramRoots, cert)
	}
	return nil
}

func refused(format string, args ...any) *engine.Error {
	return &engine.Error{Reason: engine.Refused, Sentence: fmt.Sprintf(format, args...)}
}

// refusedBy keeps the error, which may know the place in the policy.
func refusedBy(err error) *engine.Error {
	return &engine.Error{Reason: engine.Refused, Sentence: err.Error(), Err: err}
}

// refusal is the message of an error.
func refusal(ref uint64, err *engine.Error) *wire.Refused {
	return &wire.Refused{Ref: ref, Reason: uint64(err.Reason), Errno: errno(err),
		Sentence: err.Sentence}
}

// errno is TCP's when that failed.
func errno(err *engine.Error) uint64 {
	if kernel, ok := err.Err.(unix.Errno); ok {
		return uint64(kernel)
	}
	return 0
}

// asEngineError makes what an engine returned one of its errors.
func asEngineError(err error) *engine.Error {
	if e, ok := err.(*engine.Error); ok {
		return e
	}
	return refused("this is a bug of the service: %v", err)
}
