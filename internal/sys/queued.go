package sys

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// firstPeek is how much of a queue is looked at, as long as that is enough.
const firstPeek = 2 << 10

var peekBuffers = sync.Pool{New: func() any { return new([firstPeek]byte) }}

// AwaitQueued waits, without taking them, for bytes that are enough, for the
// stream's end, or until most bytes are queued: false when that takes longer
// than the limit, or ctx is done. What waits is in the kernel, and costs no
// buffer here. It uses the stream's read deadline, and leaves none; a stream
// that has enough already does not go to the poller.
func (s *Stream) AwaitQueued(ctx context.Context, limit time.Duration, most int,
	enough func([]byte) bool) bool {
	looked := false
	_ = s.Control(func(fd int) error {
		looked = queued(fd, most, enough)
		return nil
	})
	if looked {
		return true
	}
	begun := time.Now()
	_ = s.SetReadDeadline(begun.Add(limit))
	stop := context.AfterFunc(ctx, func() { _ = s.SetReadDeadline(begun) })
	raw, err := s.SyscallConn()
	if err == nil {
		err = raw.Read(func(fd uintptr) bool { return queued(int(fd), most, enough) })
	}
	if !stop() && ctx.Err() != nil {
		return false // and the deadline may still come
	}
	_ = s.SetReadDeadline(time.Time{})
	return err == nil
}

// queued looks at the queue of a socket once.
func queued(fd, most int, enough func([]byte) bool) bool {
	small := peekBuffers.Get().(*[firstPeek]byte)
	defer peekBuffers.Put(small)
	n, err := peek(fd, small[:])
	if n == len(small) && !enough(small[:]) {
		large := make([]byte, most)
		if n, err = peek(fd, large); n > 0 {
			return n == most || enough(large[:n]) || crowded(fd, n)
		}
	}
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false
	case n <= 0:
		return true // the end, or an error: whoever reads finds it
	}
	return enough(small[:n]) || crowded(fd, n)
}

// crowded reports whether so many bytes fill a queue that the program has made
// small: more may never come before these are read.
func crowded(fd, n int) bool {
	size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	return err != nil || n >= size/4
}

func peek(fd int, p []byte) (n int, err error) {
	for {
		n, _, err = unix.Recvfrom(fd, p, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
