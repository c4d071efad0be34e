package ticketstore

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// storeAt is the store of a policy that names an address and its authority.
func storeAt(t *testing.T, address, ca string) *policy.TicketStore {
	t.Helper()
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key"), filepath.Join(dir, "policy.yaml")
	if ca != "" {
		ca = fmt.Sprintf(", ca: %q", ca)
	}
	text := fmt.Sprintf("ticket_stores:\n  farm: {address: %q, key_file: %q%s}\ndefault: {sessions: {ticket_store: farm}}\n", address, key, ca)
	for name, data := range map[string]string{key: secret, file: text} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := policy.Options{}.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return rules.Default().TicketStore
}

// TestHostileServer: whatever a server does, it is not believed, it is told what
// is wrong, and what goes on in the background ends when it must.
func TestHostileServer(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	for name, tc := range map[string]struct {
		does func(c net.Conn)
		want string // in the log; "" when nothing is wrong before the end of time
	}{
		"closes":             {func(net.Conn) {}, "cannot be used"},
		"says nothing":       {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, ""},
		"reads nothing":      {func(net.Conn) { <-over }, ""},
		"says no end":        {func(c net.Conn) { forever(c, strings.Repeat("x", 4096)) }, errProtocol.Error()},
		"says yes no end":    {func(c net.Conn) { forever(c, "+OK\r\n") }, errProtocol.Error()},
		"promises very much": {func(c net.Conn) { forever(c, "+OK\r\n*9223372036854775807\r\n") }, errProtocol.Error()},
		"a long value":       {func(c net.Conn) { forever(c, "+OK\r\n*27\r\n$9223372036854775807\r\n") }, errProtocol.Error()},
		"another's values":   {func(c net.Conn) { forever(c, "+OK\r\n*27\r\n"+strings.Repeat("$3\r\nabc\r\n", 27)) }, errProtocol.Error() + "|" + errForeign.Error()},
		"refuses":            {func(c net.Conn) { forever(c, "-NOAUTH \x1b[31m"+strings.Repeat("x", 500)+"\r\n") }, "NOAUTH ?[31mxxx"},
	} {
		t.Run(name, func(t *testing.T) {
			port, ca, came := serveTLS(t, tc.does)
			said := make(lines, 64)
			stores := New(Config{Log: slog.New(slog.NewTextHandler(said, nil))})
			seeds := stores.Seeds(storeAt(t, fmt.Sprintf("rediss://localhost:%d", port), ca))
			if seeds == nil {
				t.Fatal("the store is not used")
			}
			<-came
			if tc.want != "" {
				if line := <-said; !slices.ContainsFunc(strings.Split(tc.want, "|"),
					func(w string) bool { return strings.Contains(line, w) }) {
					t.Errorf("the log says %q, want %q", line, tc.want)
				}
			}
			stores.Close()
			if _, ok := seeds.Seed(epochNow()); ok {
				t.Error("there is a seed")
			}
		})
	}
}

// lines are messages of a log.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// serveTLS is a server that does something with each connection, who vouches for
// it, and its connections.
func serveTLS(t *testing.T, does func(net.Conn)) (port int, ca string, came <-chan struct{}) {
	t.Helper()
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	listener, err := tls.Listen("tcp", "127.0.0.1:0",
		&tls.Config{Certificates: []tls.Certificate{issued.TLS}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	connections := make(chan struct{}, 64)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if c.(*tls.Conn).Handshake() == nil {
					connections <- struct{}{}
					does(c)
				}
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port, authority.File(t), connections
}

// forever says the same until nobody is there any more.
func forever(c net.Conn, text string) {
	for {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
	}
}
