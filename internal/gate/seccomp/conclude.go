package seccomp

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
	"github.com/secure-socket-api/ssa/internal/socket"
)

// conclude tells the call's socket how the call ended, for TLS_ERROR, and
// whoever watches (`ssa run -v`) of the failures that nobody else tells: of the
// calls before there is a connection.
func (c *call) conclude(err error) {
	kind, ok := c.gate.cfg.Arch.Lookup(c.Number)
	if !ok {
		return
	}
	if kind == filter.Recvfrom || kind == filter.Recvmsg {
		return // what others receive is not told either
	}
	op := c.operation(kind, err)
	s := c.about(kind)
	if err != nil && tells(kind) && (s != nil || c.tlsOption(kind) || kind == filter.Socket) {
		attrs := []any{"program", c.String()}
		if s != nil {
			attrs = append(attrs, "id", s.ID())
		}
		c.gate.cfg.Log.Warn(socket.SentenceOf(op, err), attrs...)
	}
	if s == nil || c.asksForError(kind) {
		return // who asks what failed may ask again
	}
	s.Conclude(op, err)
}

// about is the socket of the call. A TCP socket that was not ours when the call
// came may be now, or may remember options.
func (c *call) about(kind filter.Call) *socket.Socket {
	if c.socket != nil || kind != filter.Setsockopt && kind != filter.Getsockopt {
		return c.socket
	}
	if s := c.gate.cfg.Sockets.Lookup(c.inode); s != nil {
		return s
	}
	return c.gate.cfg.Sockets.Remembered(c.inode)
}

// tells reports whether failures of a call are worth a line each: a program
// asks for much that it need not get.
func tells(kind filter.Call) bool {
	switch kind {
	case filter.Socket, filter.Setsockopt, filter.Bind, filter.Listen:
		return true
	}
	return false
}

func (c *call) operation(kind filter.Call, err error) socket.Operation {
	op := socket.Operation{Name: kind.String()}
	switch kind {
	case filter.Getsockopt, filter.Getsockname, filter.Getpeername, filter.Accept, filter.Accept4:
		op.Asks = true
	}
	if err != nil && (kind == filter.Setsockopt || kind == filter.Getsockopt) {
		op.Name += c.optionName()
	}
	return op
}

func (c *call) optionName() string {
	level, name := int(int32(c.Args[1])), int(int32(c.Args[2]))
	if level == abi.ProtocolTLS {
		return " " + abi.Option(name).String()
	}
	if level == unix.IPPROTO_TCP && name == abi.OptionUpgradeTLS {
		return " TCP_UPGRADE_TLS"
	}
	return fmt.Sprintf(" of option %d, level %d", name, level)
}

func (c *call) tlsOption(kind filter.Call) bool {
	level, name := int(int32(c.Args[1])), int(int32(c.Args[2]))
	return kind == filter.Setsockopt &&
		(level == abi.ProtocolTLS || level == unix.IPPROTO_TCP && name == abi.OptionUpgradeTLS)
}

func (c *call) asksForError(kind filter.Call) bool {
	return kind == filter.Getsockopt && int32(c.Args[1]) == abi.ProtocolTLS &&
		abi.Option(c.Args[2]) == abi.Error
}
