package service

import (
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// profile tells a gate which profile a program has, so that what the gate
// decides by itself and what is decided here are about the same program. It is
// found out on a goroutine of its own, since that may take long.
func (c *caller) profile(m *wire.Identify, pidfd *sys.FD) error {
	if err := c.service.judged.Enter(c.ctx, c.owner); err != nil {
		pidfd.Close()
		return err
	}
	c.service.work.Go(func() {
		defer c.service.judged.Leave(c.owner)
		defer pidfd.Close()
		c.service.survive(func() {
			process, refusal := c.identify(&wire.Request{Exe: m.Exe, ExeFile: m.ExeFile}, pidfd)
			if refusal != nil {
				_ = c.refuse(m.Ref, refusal)
				return
			}
			_ = c.conn.Send(&wire.Identified{Ref: m.Ref,
				Profile: c.service.rules.Load().For(process.Program).Profile})
		})
	})
	return nil
}
