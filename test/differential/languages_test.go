//go:build linux

package differential

import (
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/programs"
)

// language is a way to write programs other than in C.
type language struct {
	name      string
	program   func(testing.TB) []string
	scenarios []scenario
}

// title is its heading on the conformance page.
func (l language) title() string { return "Programs in " + l.name }

var languages = []language{
	{name: "Python", program: script("sock.py", "/usr/bin/python3", "python3"), scenarios: []scenario{
		{name: "client", about: "connect, sendall, recv, shutdown", listen: listening, peer: echoOne},
		{name: "timeout-client", about: "settimeout, and 1 MiB there and back", bytes: 1 << 20, listen: listening, peer: echoOne},
		{name: "selector-client", about: "a selector and connect_ex", listen: stalled, peer: selectorPeer},
		{name: "refused", about: "ConnectionRefusedError", listen: listening},
		{name: "server", about: "accept and makefile", peer: upperPeer},
		{name: "threaded-server", about: "20 clients, a thread each", bytes: 20, peer: helloMany},
		{name: "sendfile", about: "socket.sendfile", listen: listening, peer: justAccept},
	}},
	{name: "Perl", program: script("sock.pl", "perl"), scenarios: []scenario{
		{name: "client", about: "connect, print, read lines, shutdown", listen: listening, peer: echoOne},
		{name: "refused", about: "ECONNREFUSED", listen: listening},
		{name: "server", about: "accept with an address, lines", peer: upperPeer},
	}},
	{name: "Go", program: func(t testing.TB) []string { return []string{programs.Go(t)} },
		scenarios: []scenario{
			{name: "client", about: "raw system calls", listen: listening, peer: echoOne},
			{name: "poller-client", about: "8 MiB through the runtime's poller", bytes: 8 << 20, listen: listening, peer: echoOne},
			{name: "poller-many", about: "50 goroutines connect at once", bytes: 50, listen: listening,
				peer: func(s *session) {
					s.parallel(s.count, func() {
						c := s.accept()
						c.Echo(1)
						c.ExpectEnd()
						c.Close()
					})
				}},
			{name: "poller-server", about: "net.FileListener, 20 clients", bytes: 20, peer: helloMany},
			{name: "refused", about: "ECONNREFUSED", listen: listening},
		}},
	{name: "shell", program: func(t testing.TB) []string {
		return append(script("sock.sh", "sh")(t), programs.C(t))
	}, scenarios: []scenario{
		{name: "filter", about: "a pipeline through a small netcat", listen: listening, peer: echoOne},
	}},
}

// script finds the first of several interpreters; the others are tried where
// the first is not there.
func script(name string, interpreters ...string) func(testing.TB) []string {
	return func(t testing.TB) []string {
		for _, interpreter := range interpreters[:len(interpreters)-1] {
			if ssatest.Has(interpreter) {
				return []string{interpreter, programs.Script(t, name)}
			}
		}
		last := interpreters[len(interpreters)-1]
		ssatest.Need(t, last)
		return []string{last, programs.Script(t, name)}
	}
}

func selectorPeer(s *session) {
	s.listener.Release()
	c := s.accept()
	c.Echo(len("from Python"))
	c.ExpectEnd()
	c.Close()
}

func upperPeer(s *session) {
	c := s.connect()
	c.Say("one\ntwo\n")
	c.Expect("ONE\nTWO\n")
	c.CloseWrite()
	c.ExpectEnd()
	c.Close()
}

func helloMany(s *session) {
	port := s.Port()
	s.parallel(s.count, func() { hello(s, port) })
}
