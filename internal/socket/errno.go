package socket

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
)

// failure is an error with both halves: the errno for the program and the
// sentence for the person.
type failure struct {
	errno    abi.Errno
	sentence string
	cause    error // nil where the sentence says all
}

func (f *failure) Error() string { return f.sentence }
func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.errno}
	}
	return []error{f.errno, f.cause}
}

func fail(errno abi.Errno, format string, args ...any) error {
	return &failure{errno: errno, sentence: fmt.Sprintf(format, args...)}
}

// Errno returns the errno that a program gets for an error. An error that
// names none is EIO: it is ours, not the program's.
func Errno(err error) abi.Errno {
	var own abi.Errno
	var kernel unix.Errno
	var tls *engine.Error
	switch {
	case errors.As(err, &tls):
		return abi.Errno(tls.Errno())
	case errors.As(err, &own):
		return own
	case errors.As(err, &kernel):
		return abi.Errno(kernel)
	}
	return abi.EIO
}

// Sentence returns what TLS_ERROR says about an error.
func Sentence(err error) string {
	var own abi.Errno
	var tls *engine.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &tls):
		return tls.Sentence // it knows which limit has passed
	case errors.Is(err, context.DeadlineExceeded):
		return "the operation took too long"
	case errors.As(err, &own) && err == error(own):
		return unix.Errno(own).Error()
	}
	return err.Error()
}
