package relay

import (
	"errors"
	"syscall"
)

// sink writes to the program, for one goroutine.
type sink struct {
	stream Stream
	raw    syscall.RawConn // nil when stream has no descriptor

	rest      []byte
	restErr   error
	writeFunc func(fd uintptr) bool
}

func newSink(stream Stream, raw syscall.RawConn) *sink {
	s := &sink{stream: stream, raw: raw}
	s.writeFunc = s.writeReady
	return s
}

// write returns when the program's end has taken all of p, or takes no more.
func (s *sink) write(p []byte) error {
	if s.raw == nil {
		_, err := s.stream.Write(p)
		return err
	}
	s.rest, s.restErr = p, nil
	err := s.raw.Write(s.writeFunc)
	s.rest = nil
	if err == nil {
		err = s.restErr
	}
	return err
}

// writeReady is write to a descriptor that may be writable.
func (s *sink) writeReady(fd uintptr) bool {
	for len(s.rest) > 0 && s.restErr == nil {
		n, err := writeFD(fd, s.rest)
		s.rest = s.rest[n:]
		if errors.Is(err, errAgain) {
			return false
		}
		s.restErr = err
	}
	return true
}
