package engine

import (
	"errors"
	"syscall"
)

// Reason classifies why a connection failed.
type Reason uint8

// Reasons.
const (
	Protocol  Reason = iota // malformed or unacceptable TLS, an alert from the peer
	Untrusted               // the peer's certificate was not accepted
	Truncated               // TCP ended without close_notify
	Network                 // TCP failed; Err holds the syscall.Errno
	TimedOut                // the handshake did not finish in time
	Cancelled               // the caller's context ended
	Refused                 // the policy or the request makes a connection impossible
	Down                    // the engine, which is in another process, is not there
	Limited                 // there are too many connections already
)

// String returns a word for scripts and logs.
func (r Reason) String() string {
	words := [...]string{"protocol", "untrusted", "truncated", "network", "timed-out", "cancelled",
		"refused", "down", "limited"}
	if int(r) >= len(words) {
		return "unknown"
	}
	return words[r]
}

// Error says why a connection failed, for a person and for a program.
type Error struct {
	Reason Reason
	// Sentence is one sentence for a person: what happened and, where that
	// helps, what to do. No key material, no payload.
	Sentence string
	Err      error // underlying error, may be nil
}

func (e *Error) Error() string { return e.Sentence }

// Errno is the error number that a program sees: TCP's own when that failed,
// and else the one of the reason.
func (e *Error) Errno() syscall.Errno {
	var kernel syscall.Errno
	switch e.Reason {
	case Network:
		if errors.As(e.Err, &kernel) {
			return kernel
		}
		return syscall.ECONNRESET
	case Truncated:
		return syscall.ECONNRESET
	case TimedOut:
		return syscall.ETIMEDOUT
	case Cancelled:
		return syscall.ECONNABORTED
	case Down:
		return syscall.ENETDOWN
	case Limited:
		return syscall.EAGAIN
	}
	return syscall.EPROTO
}

// ErrCrowded is why the handshake of a server's client ends when too many wait
// for theirs: it is the cause of a context.
var ErrCrowded = &Error{Reason: Limited,
	Sentence: "the client was dropped before its handshake had ended: it kept the server waiting, and so do too many others"}

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }
