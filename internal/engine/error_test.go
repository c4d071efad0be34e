package engine

import (
	"fmt"
	"syscall"
	"testing"
)

func TestErrno(t *testing.T) {
	for _, c := range []struct {
		err  Error
		want syscall.Errno
	}{
		{Error{Reason: Protocol}, syscall.EPROTO},
		{Error{Reason: Untrusted}, syscall.EPROTO},
		{Error{Reason: Refused, Err: syscall.ENOENT}, syscall.EPROTO},
		{Error{Reason: Truncated}, syscall.ECONNRESET},
		{Error{Reason: Network}, syscall.ECONNRESET},
		{Error{Reason: Network, Err: fmt.Errorf("reading: %w", syscall.EHOSTUNREACH)}, syscall.EHOSTUNREACH},
		{Error{Reason: TimedOut}, syscall.ETIMEDOUT},
		{Error{Reason: Cancelled}, syscall.ECONNABORTED},
		{Error{Reason: Down}, syscall.ENETDOWN},
		{Error{Reason: Limited}, syscall.EAGAIN},
	} {
		if got := c.err.Errno(); got != c.want {
			t.Errorf("%v, caused by %v: a program sees %v, want %v", c.err.Reason, c.err.Err, got, c.want)
		}
	}
}
