//go:build linux

package ssa

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// answers are what a connection says of itself, by option.
type answers interface {
	text(option abi.Option) (string, error)
	number(option abi.Option) (int, error)
	id() (uint64, error)
}

// optionAnswers are those of a TLS socket: getsockopt(2).
type optionAnswers struct{ raw syscall.RawConn }

func (a optionAnswers) text(option abi.Option) (value string, err error) {
	err = a.ask(option, func(fd int) (err error) {
		value, err = unix.GetsockoptString(fd, abi.ProtocolTLS, int(option))
		return err
	})
	return value, err
}

func (a optionAnswers) number(option abi.Option) (value int, err error) {
	err = a.ask(option, func(fd int) (err error) {
		value, err = unix.GetsockoptInt(fd, abi.ProtocolTLS, int(option))
		return err
	})
	return value, err
}

func (a optionAnswers) id() (id uint64, err error) {
	err = a.ask(abi.ID, func(fd int) (err error) {
		id, err = unix.GetsockoptUint64(fd, abi.ProtocolTLS, int(abi.ID))
		return err
	})
	return id, err
}

func (a optionAnswers) ask(option abi.Option, get func(fd int) error) error {
	if err := control(a.raw, get); err != nil {
		return fmt.Errorf("%s: %w", option, err)
	}
	return nil
}

// text is what the service told of the connection.
func (t *throughService) text(option abi.Option) (string, error) {
	facts := t.conn.Facts()
	switch option {
	case abi.PeerIdentity:
		return facts.PeerIdentity, nil
	case abi.ChosenCipher:
		return tls.CipherSuiteName(facts.CipherSuite), nil
	case abi.ALPN:
		return facts.ALPN, nil
	case abi.Hostname:
		return facts.ServerName, nil
	case abi.PeerCertificateChain:
		var b strings.Builder
		for _, der := range facts.PeerChain {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}
		return b.String(), nil
	case abi.Error:
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.last == nil {
			return "", nil
		}
		return t.last.Error(), nil
	}
	return "", fmt.Errorf("%v: %w", option, syscall.ENOPROTOOPT)
}

func (t *throughService) number(option abi.Option) (int, error) {
	facts := t.conn.Facts()
	switch option {
	case abi.VersionConn:
		return int(facts.Version), nil
	case abi.ResumedSession:
		if facts.Resumed {
			return 1, nil
		}
		return 0, nil
	}
	return 0, fmt.Errorf("%v: %w", option, syscall.ENOPROTOOPT)
}

func (t *throughService) id() (uint64, error) { return t.conn.Facts().ID, nil }
