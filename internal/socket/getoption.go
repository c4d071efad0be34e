package socket

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// TLSOption is getsockopt(2) at level IPPROTO_TLS: the whole value, strings
// with their NUL.
func (s *Socket) TLSOption(c Caller, option abi.Option) ([]byte, error) {
	info, ok := abi.LookupOption(option)
	if !ok || info.Get == abi.Never {
		return nil, fail(abi.ENOPROTOOPT, "%s is not an option that can be read", option)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if errno := info.Get.In(s.phaseLocked()); errno != 0 {
		return nil, fail(errno, "%s is known once the socket is connected", info.Name)
	}
	s.baseLocked(c)
	if n, ok := s.effective.OptionValue(option); ok {
		return intValue(int(n)), nil
	}
	return getters[option](s), nil
}

// getters return the value of an option that is not an int of the policy; s.mu
// is held, and the facts are there for options of connected sockets.
var getters = map[abi.Option]func(s *Socket) []byte{
	abi.RemoteHostname: func(s *Socket) []byte { return text(s.set.remoteName) },
	abi.Hostname: func(s *Socket) []byte {
		if s.factsLocked() != nil && s.factsLocked().ServerName != "" && s.server {
			return text(s.factsLocked().ServerName)
		}
		return text(s.set.hostname)
	},
	abi.ALPN: func(s *Socket) []byte {
		if s.factsLocked() != nil {
			return text(s.factsLocked().ALPN)
		}
		return text(strings.Join(s.set.asked.ALPN, ","))
	},
	abi.PeerIdentity: func(s *Socket) []byte { return text(s.factsLocked().PeerIdentity) },
	abi.PeerCertificateChain: func(s *Socket) []byte {
		var b strings.Builder
		for _, der := range s.factsLocked().PeerChain {
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a Builder does not fail
		}
		return text(b.String())
	},
	abi.ID: func(s *Socket) []byte { return binary.NativeEndian.AppendUint64(nil, s.id) },
	abi.ChosenCipher: func(s *Socket) []byte {
		return text(tls.CipherSuiteName(s.factsLocked().CipherSuite))
	},
	abi.Error:          func(s *Socket) []byte { return text(s.outcome.sentence()) },
	abi.VersionConn:    func(s *Socket) []byte { return intValue(int(s.factsLocked().Version)) },
	abi.ResumedSession: func(s *Socket) []byte { return boolValue(s.factsLocked().Resumed) },
	abi.TrustedCiphers: func(s *Socket) []byte { return text(suitesText(s.effective)) },
	abi.Context: func(s *Socket) []byte {
		if s.context == 0 {
			return binary.NativeEndian.AppendUint64(nil, s.id)
		}
		return binary.NativeEndian.AppendUint64(nil, s.context)
	},
}

// Fit gives the value of an option the size that a program has room for: the
// 2018 prototype had the session's time as a long.
func Fit(option abi.Option, value []byte, size int) []byte {
	if option == abi.SessionTTL && size >= 8 && len(value) == 4 {
		return binary.NativeEndian.AppendUint64(nil, uint64(int32(nativeUint32(value))))
	}
	return value
}

func text(s string) []byte { return append([]byte(s), 0) }

func boolValue(b bool) []byte {
	if b {
		return intValue(1)
	}
	return intValue(0)
}

// Option is getsockopt(2) at another level into at most size bytes.
func (s *Socket) Option(c Caller, level, name, size int) ([]byte, error) {
	if !tcpLevel(level) {
		if s.family == abi.FamilyInet { // so says IPv4, but of getting alone
			return nil, abi.EOPNOTSUPP
		}
		return nil, noLevel(level)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if level == unix.SOL_SOCKET {
		switch name {
		case unix.SO_ERROR:
			return s.takeErrorLocked(c), nil
		case unix.SO_DOMAIN:
			return intValue(s.family), nil
		case unix.SO_PROTOCOL:
			return intValue(abi.ProtocolTLS), nil
		case unix.SO_SNDBUF:
			return s.sendBufferLocked(c)
		}
	}
	// see handle
	if virtualOption(level, name) || s.server && level == unix.SOL_SOCKET &&
		name == unix.SO_REUSEADDR {
		for _, o := range s.options {
			if o.level == level && o.name == name {
				return boolValue(nativeUint32(o.value) != 0), nil
			}
		}
		return intValue(0), nil
	}
	if level == unix.IPPROTO_TCP && name == unix.TCP_DEFER_ACCEPT && !s.hasSetLocked(level, name) {
		return intValue(0), nil // what a listener has is ours, see deferAcceptLocked
	}
	buf := make([]byte, min(max(size, 0), 64<<10))
	n := 0
	err := s.onTCPLocked(func(fd int) (err error) {
		n, err = sys.GetsockoptRaw(fd, level, name, buf)
		return err
	})
	if errors.Is(err, errNoTCP) {
		return s.rememberedLocked(c, level, name, buf)
	}
	if err != nil {
		return nil, err
	}
	return buf[:min(n, len(buf))], nil
}

// rememberedLocked answers for a TCP socket that is closed already: what the
// program has set, or else what one says that is not connected.
func (s *Socket) rememberedLocked(c Caller, level, name int, buf []byte) ([]byte, error) {
	for _, o := range s.options {
		if o.level == level && o.name == name {
			return o.value, nil
		}
	}
	rights, err := c.Rights()
	if err != nil {
		return nil, err
	}
	defer rights.Close()
	tcp, err := makeTCP(rights, s.tcpFamily())
	if err != nil {
		return nil, err
	}
	defer tcp.Close()
	n, err := sys.GetsockoptRaw(tcp.Int(), level, name, buf)
	if err != nil {
		return nil, err
	}
	return buf[:min(n, len(buf))], nil
}

// takeErrorLocked tells the outcome of a non-blocking connect once, and what
// the kernel has noted on the program's descriptor. All that can be noted there
// is ECONNRESET, for a stream that was cut: why it was is known here, such as a
// refusal of a TLS 1.3 server, which comes when the handshake is over for its
// client.
func (s *Socket) takeErrorLocked(c Caller) []byte {
	errno := s.soError
	s.soError = 0
	if end, err := c.End(); err == nil {
		defer end.Close()
		native, err := end.Error()
		if err == nil && errno == 0 && s.connectionLocked() != nil {
			errno = native
			if why := s.outcome.why(); errno == abi.ECONNRESET && why != nil {
				errno = Errno(why)
			}
		}
	}
	if errno != 0 {
		s.outcome.retell()
	}
	return intValue(int(errno))
}

// sendBufferLocked hides the small buffer of a connecting socket.
func (s *Socket) sendBufferLocked(c Caller) ([]byte, error) {
	if s.State() == Connecting {
		return intValue(2 * s.sendSizeLocked()), nil
	}
	end, err := c.End()
	if err != nil {
		return nil, err
	}
	defer end.Close()
	n, err := end.Room()
	if err != nil {
		return nil, err
	}
	return intValue(n), nil
}
