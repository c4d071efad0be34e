package socket

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
)

// outcome is what TLS_ERROR says of a socket: why its last operation failed, or
// what broke the connection meanwhile. It has a lock of its own, since calls
// are answered with and without that of the socket.
type outcome struct {
	mu sync.Mutex
	// cause is why there is no connection (any more), or which client a
	// listener did not let in. It stays until the next connect.
	cause error
	last  error // of the last operation, nil when that has succeeded
	asked bool  // last is of an operation that only asks
}

// Operation is one system call on a socket, for Conclude.
type Operation struct {
	Name string // such as "setsockopt TLS_ALPN"
	// Asks says that the operation changes nothing: when it succeeds, what
	// failed before is still the last thing to tell, unless that only asked too.
	Asks bool
}

// Conclude is told how each operation of a program ended, by the gate, before
// the program is: no operation fails without its sentence. A call that is still
// under way, or can be tried again, has not ended.
func (s *Socket) Conclude(op Operation, err error) {
	if underWay(err) {
		return
	}
	o := &s.outcome
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil && op.Asks && !o.asked {
		return
	}
	o.asked = err != nil && op.Asks
	switch {
	case err == nil, err == o.cause:
		o.last = nil
	case errors.Is(err, abi.ENOTCONN) && o.cause != nil:
		o.last = fail(abi.ENOTCONN, "%s, since %s", Sentence(named(op, err)), Sentence(o.cause))
	default:
		o.last = named(op, err)
	}
}

// underWay reports whether an errno is none of a call that has failed. An EAGAIN
// with a sentence is one of a limit.
func underWay(err error) bool {
	switch err {
	case ErrPending, ErrWouldWait, abi.EINPROGRESS, unix.EAGAIN, abi.EAGAIN, unix.EINTR, abi.EINTR:
		return true
	}
	return false
}

// SentenceOf is what TLS_ERROR says of a failed operation.
func SentenceOf(op Operation, err error) string { return Sentence(named(op, err)) }

// named gives an error that is nothing but a number the name of the operation.
func named(op Operation, err error) error {
	var sentence *failure
	var tls *engine.Error
	if errors.As(err, &sentence) || errors.As(err, &tls) {
		return err
	}
	return fmt.Errorf("%s: %w", op.Name, bareErrno(err))
}

// bareErrno makes the kernel's words of a bare errno.
func bareErrno(err error) error {
	var own abi.Errno
	if errors.As(err, &own) && err == error(own) {
		return &failure{errno: own, sentence: unix.Errno(own).Error()}
	}
	return err
}

// begin forgets what was, for a new connection.
func (o *outcome) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cause, o.last, o.asked = nil, nil, false
}

// broke tells what has ended the connection, or kept a client out.
func (o *outcome) broke(cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cause, o.last, o.asked = cause, nil, false
}

// why returns what broke told last.
func (o *outcome) why() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cause
}

// retell makes what broke the connection the last thing to tell: the program
// has just got its errno.
func (o *outcome) retell() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last, o.asked = nil, false
}

func (o *outcome) sentence() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last != nil {
		return Sentence(o.last)
	}
	return Sentence(o.cause)
}

// tellLocked hands the outcome of a connection to a connect that comes after
// it: to one that a signal had interrupted, or to the next one on a
// non-blocking socket (__inet_stream_connect in the kernel's
// net/ipv4/af_inet.c). It does so once.
func (s *Socket) tellLocked() error {
	s.toldLocked()
	why := s.outcome.why()
	switch s.State() {
	case Connected:
		return nil
	case Ended:
		return why // a refusal that came late, while nobody had asked
	}
	told := s.soError == 0
	s.soError = 0
	if told {
		return fail(abi.ECONNABORTED, "SO_ERROR has told already that %s", Sentence(why))
	}
	return why
}
