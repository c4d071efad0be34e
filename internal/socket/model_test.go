package socket

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// model is what a program may expect of one non-blocking AF_INET socket, in
// as few words as possible.
type model struct {
	state  State
	bound  bool
	cert   bool
	untold bool      // the outcome of connect, by connect
	failed abi.Errno // the outcome, by SO_ERROR
}

// step is an operation: what it does to a socket, and what the model says its
// result is.
type step struct {
	name   string
	do     func(w *modelWorld) error
	expect func(m *model) abi.Errno
}

type modelWorld struct {
	t       *testing.T
	s       *Socket
	c       *testCaller
	good    []byte // address of a TLS peer
	refused []byte // address where nobody listens
	leaf    *ssatest.Issued
}

const ok abi.Errno = 0

var steps = []step{
	{"set TLS_REMOTE_HOSTNAME", func(w *modelWorld) error { return w.s.SetTLSOption(w.c, abi.RemoteHostname, []byte("localhost")) }, (*model).setOption},
	{"set TLS_ALPN", func(w *modelWorld) error { return w.s.SetTLSOption(w.c, abi.ALPN, []byte("h2,http/1.1\x00")) }, (*model).setOption},
	{"set a certificate", func(w *modelWorld) error {
		if err := w.s.SetTLSOption(w.c, abi.CertificateChain,
			[]byte(string(w.leaf.ChainPEM))); err != nil {
			return err
		}
		return w.s.SetTLSOption(w.c, abi.PrivateKey, []byte(string(w.leaf.KeyPEM)))
	}, func(m *model) abi.Errno {
		errno := m.setOption()
		m.cert = m.cert || errno == ok
		return errno
	}},
	{"set an option of a wrong size",
		func(w *modelWorld) error { return w.s.SetTLSOption(w.c, abi.VersionMin, []byte{1}) },
		func(m *model) abi.Errno {
			if errno := m.setOption(); errno != ok {
				return errno
			}
			return abi.EINVAL
		}},
	{"set an unknown option", func(w *modelWorld) error { return w.s.SetTLSOption(w.c, 999, nil) }, func(*model) abi.Errno { return abi.ENOPROTOOPT }},
	{"bind to port 0", func(w *modelWorld) error {
		return w.s.Bind(w.c, sockaddr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}))
	}, func(m *model) abi.Errno {
		if m.state != Fresh || m.bound {
			return abi.EINVAL
		}
		m.bound = true
		return ok
	}},
	{"listen", func(w *modelWorld) error { return w.s.Listen(w.c, 5) }, func(m *model) abi.Errno {
		switch {
		case m.state == Listening:
			return ok
		case m.state != Fresh, !m.cert, m.untold:
			return abi.EINVAL
		}
		m.state = Listening
		return ok
	}},
	{"connect", func(w *modelWorld) error {
		err := w.s.Connect(w.c, w.good)
		if err == abi.EINPROGRESS {
			until(w.t, w.c.end, unix.POLLOUT)
		}
		return err
	}, func(m *model) abi.Errno {
		errno := m.connect()
		if errno == abi.EINPROGRESS {
			m.state, m.untold = Connected, true
		}
		return errno
	}},
	{"connect where nobody listens", func(w *modelWorld) error {
		err := w.s.Connect(w.c, w.refused)
		if err == abi.EINPROGRESS {
			until(w.t, w.c.end, unix.POLLOUT)
		}
		return err
	}, func(m *model) abi.Errno {
		errno := m.connect()
		if errno == abi.EINPROGRESS {
			m.failed, m.untold = abi.ECONNREFUSED, true
		}
		return errno
	}},
	{"connect to half an address", func(w *modelWorld) error { return w.s.Connect(w.c, w.good[:7]) },
		func(m *model) abi.Errno {
			if errno := m.connect(); errno != abi.EINPROGRESS {
				return errno
			}
			return abi.EINVAL
		}},
	{"accept", func(w *modelWorld) error { return w.s.Accept(w.c.call()) }, func(m *model) abi.Errno {
		if m.state == Listening {
			return abi.EAGAIN
		}
		return abi.EINVAL
	}},
	{"shutdown", func(w *modelWorld) error {
		_, err := w.s.Shutdown(w.c, unix.SHUT_WR)
		return err
	}, func(m *model) abi.Errno {
		if m.state == Fresh {
			return abi.ENOTCONN
		}
		return ok
	}},
	{"get TLS_VERSION_CONN", func(w *modelWorld) error {
		_, err := w.s.TLSOption(w.c, abi.VersionConn)
		return err
	}, (*model).needsPeer},
	{"getpeername", func(w *modelWorld) error {
		_, err := w.s.Peer()
		return err
	}, (*model).needsPeer},
	{"getsockname", func(w *modelWorld) error {
		_, err := w.s.Name()
		return err
	}, func(*model) abi.Errno { return ok }},
	{"get SO_ERROR", func(w *modelWorld) error {
		value, err := w.s.Option(w.c, unix.SOL_SOCKET, unix.SO_ERROR, 4)
		if err == nil && nativeUint32(value) != 0 {
			return abi.Errno(nativeUint32(value))
		}
		return err
	}, func(m *model) abi.Errno {
		errno := m.failed
		m.failed = ok
		return errno
	}},
}

func (m *model) setOption() abi.Errno {
	switch m.state {
	case Connected:
		return abi.EISCONN
	case Listening:
		return abi.EINVAL
	}
	return ok
}

func (m *model) connect() abi.Errno {
	switch {
	case m.untold && m.state == Fresh:
		errno := m.failed
		m.untold, m.failed = false, ok
		if errno == ok {
			return abi.ECONNABORTED
		}
		return errno
	case m.untold:
		m.untold = false
		return ok
	case m.state != Fresh:
		return abi.EISCONN
	}
	return abi.EINPROGRESS
}

func (m *model) needsPeer() abi.Errno {
	if m.state != Connected {
		return abi.ENOTCONN
	}
	return ok
}

// A socket agrees with the model after any sequence of operations.
func FuzzOperations(f *testing.F) {
	for i := range steps {
		f.Add([]byte{byte(i), byte(i + 1), byte(i)})
	}
	f.Add([]byte{2, 5, 6, 10, 6, 7})
	f.Add([]byte{0, 8, 9, 7, 7, 7, 11, 11, 12})
	a := ssatest.NewAuthority(f)
	leaf := a.Issue(f, ssatest.Leaf{Names: []string{"localhost"},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	r := newRig(f, a)
	good := peer(f, &tls.Config{Certificates: []tls.Certificate{leaf.TLS}, NextProtos: []string{"h2"}})
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	refused := sockaddr(l.Addr().(*net.TCPAddr))
	l.Close()
	f.Fuzz(func(t *testing.T, operations []byte) {
		s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
		defer c.end.Close()
		w := &modelWorld{t: t, s: s, c: c, good: sockaddr(good), refused: refused, leaf: leaf}
		m := &model{}
		for i, b := range operations[:min(len(operations), 24)] {
			step := steps[int(b)%len(steps)]
			before := *m
			want := step.expect(m)
			err := step.do(w)
			if got := errnoOf(err); got != want {
				t.Fatalf("operation %d, %s, in %+v: %v (%v), the model says %v", i, step.name, before, got, err, want)
			}
		}
	})
}

func errnoOf(err error) abi.Errno {
	if err == nil || errors.Is(err, ErrPending) {
		return ok
	}
	return Errno(err)
}
