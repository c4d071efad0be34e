package socket

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// SetOption is setsockopt(2) at another level: it reaches the real TCP socket,
// except what belongs to the program's own descriptor.
func (s *Socket) SetOption(c Caller, level, name int, value []byte) error {
	if err := refusal(level, name); err != nil {
		return err
	}
	if level == unix.IPPROTO_TCP && name == abi.OptionUpgradeTLS {
		if err := s.upgradeAgain(c, value); !errors.Is(err, ErrNotTCP) {
			return err
		}
	}
	if level == unix.SOL_SOCKET && (name == unix.SO_SNDBUF || name == unix.SO_SNDBUFFORCE) {
		return s.setSendBuffer(c, name, value)
	}
	if err := s.setOption(c, level, name, value); err != nil {
		return err
	}
	switch {
	case level == unix.SOL_SOCKET && name == unix.SO_LINGER:
		s.tellAbortive()
	case level == unix.SOL_SOCKET && (name == unix.SO_RCVBUF || name == unix.SO_RCVBUFFORCE) &&
		len(value) >= 4:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.recvSize = max(int(int32(nativeUint32(value))), 1)
	}
	return nil
}

func (s *Socket) setOption(c Caller, level, name int, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rights, err := c.Rights()
	if err != nil {
		return err
	}
	defer rights.Close()
	if virtualOption(level, name) {
		if len(value) < 4 {
			return abi.EINVAL
		}
		s.rememberLocked(level, name, value)
		return nil
	}
	err = s.onTCPLocked(func(fd int) error {
		return rights.Do(func() error { return sysSetsockopt(fd, level, name, value) })
	})
	if err != nil {
		if errors.Is(err, errNoTCP) {
			err = nil
		} else {
			return err
		}
	}
	s.rememberLocked(level, name, value)
	return err
}

func (s *Socket) rememberLocked(level, name int, value []byte) {
	if level == unix.SOL_SOCKET && name == unix.SO_LINGER && len(value) >= 8 { // struct linger
		s.abortive.Store(nativeUint32(value) != 0 && nativeUint32(value[4:]) == 0)
	}
	s.options = slices.DeleteFunc(s.options,
		func(o tcpOption) bool { return o.level == level && o.name == name })
	if len(value) <= 256 && len(s.options) < 64 {
		s.options = append(s.options, tcpOption{level, name, slices.Clone(value)})
	}
}

// hasSetLocked reports whether the program has set an option of another level.
func (s *Socket) hasSetLocked(level, name int) bool {
	return slices.ContainsFunc(s.options,
		func(o tcpOption) bool { return o.level == level && o.name == name })
}

func (s *Socket) setSendBuffer(c Caller, name int, value []byte) error {
	if len(value) < 4 {
		return abi.EINVAL
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int(int32(nativeUint32(value)))
	rights, err := c.Rights() // SO_SNDBUFFORCE needs CAP_NET_ADMIN
	if err != nil {
		return err
	}
	defer rights.Close()
	if s.State() != Connecting {
		end, err := c.End()
		if err != nil {
			return err
		}
		defer end.Close()
		if err := rights.Do(func() error { return end.SetOption(name, value) }); err != nil {
			return err
		}
	}
	s.sendSize = max(size, 1)
	// TCP's own buffer bounds what is taken beyond that.
	if err := s.onTCPLocked(func(fd int) error {
		return rights.Do(func() error { return sysSetsockopt(fd, unix.SOL_SOCKET, name, value) })
	}); err != nil {
		return nil // it has ended, or is what the kernel chose
	}
	s.rememberLocked(unix.SOL_SOCKET, name, value)
	return nil
}
