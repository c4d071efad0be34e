//go:build linux

// Package ssa makes TLS connections by the Secure Socket API: with TLS sockets of
// the operating system instead of a TLS library. It is a thin layer over
// net.Dialer and net.ListenConfig, which set options of level IPPROTO_TLS on
// their sockets before they connect or listen; what is dialed and accepted are
// ordinary connections. How TLS is done, and whom to trust, is the
// administrator's policy; a program can only ask for more. The package does no
// cryptography, has no way to switch verification off, and works in programs
// started with `ssa run`, and in all others where the service runs: then
// connections are made by the service's protocol.
package ssa

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// ErrUnavailable says that there are no TLS sockets.
var ErrUnavailable = errors.New("TLS sockets are not available here: start the program with ssa run, or start the service, ssa daemon")

// Error is a failure and its reason, as TLS_ERROR tells it: one sentence, for
// people. It unwraps to the failure itself, for example to syscall.EPROTO when a
// peer could not be verified.
type Error struct {
	Err    error
	Reason string
}

func (e *Error) Error() string { return e.Err.Error() + ": " + e.Reason }

// Unwrap returns the failure without its reason.
func (e *Error) Unwrap() error { return e.Err }

// Setting is a socket option of level IPPROTO_TLS, for example
//
//	ssa.Setting{abi.VersionMin, 0x0304}
//
// Which options there are, and what they mean, tls(7) says. Value is a string
// (text, PEM or a path, as the option wants it), an int or a uint64.
type Setting struct {
	Option abi.Option
	Value  any
}

func (s Setting) set(fd int) error {
	info, ok := abi.LookupOption(s.Option)
	if !ok {
		return fmt.Errorf("there is no TLS option %d", s.Option)
	}
	err := errMismatch
	switch value := s.Value.(type) {
	case string:
		if info.Kind == abi.String || info.Kind == abi.PEMOrPath {
			err = unix.SetsockoptString(fd, abi.ProtocolTLS, int(s.Option), value)
		}
	case int:
		if info.Kind == abi.Int {
			err = unix.SetsockoptInt(fd, abi.ProtocolTLS, int(s.Option), value)
		}
	case uint64:
		if info.Kind == abi.Uint64 {
			err = unix.SetsockoptUint64(fd, abi.ProtocolTLS, int(s.Option), value)
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errMismatch):
		return fmt.Errorf("%s: %w: %T", s.Option, err, s.Value)
	}
	return withReason(fd, fmt.Errorf("%s: %w", s.Option, err))
}

var errMismatch = errors.New("the option does not take a value of this type")

// apply sets options in order. The first makes a TLS socket of a TCP socket:
// where there are no TLS sockets, the kernel does not know its level.
func apply(fd int, settings []Setting) error {
	for i, s := range settings {
		if err := s.set(fd); err != nil {
			if i == 0 && errors.Is(err, unix.ENOPROTOOPT) {
				return ErrUnavailable
			}
			return err
		}
	}
	return nil
}

// control applies settings to a socket of the net package.
func control(c syscall.RawConn, apply func(fd int) error) error {
	var err error
	if failed := c.Control(func(fd uintptr) { err = apply(int(fd)) }); failed != nil {
		return failed
	}
	return err
}

// withReason adds what the socket knows of a failure.
func withReason(fd int, err error) error {
	if reason, asked := unix.GetsockoptString(fd, abi.ProtocolTLS, int(abi.Error)); asked == nil &&
		reason != "" {
		return &Error{Err: err, Reason: reason}
	}
	return err
}

// checkNetwork refuses what is not TCP: an option could not protect it.
func checkNetwork(network, address string) error {
	switch network {
	case "tcp", "tcp4", "tcp6":
		return nil
	}
	return &net.OpError{Op: "ssa", Net: network,
		Err: &net.AddrError{Err: "TLS needs tcp, tcp4 or tcp6, not " + strconv.Quote(network),
			Addr: address}}
}
