package socket

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

func nativeUint32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

func intValue(n int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(int32(n))) }

func sysSetsockopt(fd, level, name int, value []byte) error {
	return sys.SetsockoptRaw(fd, level, name, value)
}

// errNoTCP says that the connection's TCP socket has been closed already.
var errNoTCP = errors.New("there is no TCP socket any more")

// onTCPLocked calls f with the descriptor of the real TCP socket.
func (s *Socket) onTCPLocked(f func(fd int) error) error {
	if s.tcp.Int() >= 0 {
		return f(s.tcp.Int())
	}
	switch now := s.now.(type) {
	case *attempt:
		if now.stream != nil {
			return s.onStream(now.stream, f)
		}
	case *connected:
		return s.onStream(now.stream, f)
	case ended:
		return s.onStream(now.stream, f)
	case *listener:
		return s.onStream(now.tcp, f)
	}
	return errNoTCP
}

func (s *Socket) onStream(stream *sys.Stream, f func(fd int) error) error {
	called := false
	err := stream.Control(func(fd int) error {
		called = true
		return f(fd)
	})
	if !called {
		return errNoTCP
	}
	return err
}

// virtualOption reports whether an option is remembered and told but has no
// effect on the real socket: Nagle's algorithm would only delay the engine's
// own flights, and TCP Fast Open would hold back the handshake.
func virtualOption(level, name int) bool {
	return level == unix.IPPROTO_TCP && (name == unix.TCP_NODELAY || name == unix.TCP_FASTOPEN_CONNECT)
}
