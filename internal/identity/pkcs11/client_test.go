package pkcs11

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// hostile is a client, and the socket of who pretends to be ssa-pkcs11.
func hostile(t *testing.T) (*Client, int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(os.NewFile(uintptr(ends[0]), "client"), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		unix.Close(ends[1])
	})
	return c, ends[1]
}

func tell(t *testing.T, fd int, data []byte) {
	t.Helper()
	if _, err := unix.Write(fd, data); err != nil {
		t.Fatal(err)
	}
}

// greet says hello and waits until that is known.
func greet(t *testing.T, c *Client, fd int) {
	t.Helper()
	tell(t, fd, (&wire.Message{Kind: wire.Hello, Number: 1}).Encode())
	if err := c.waitThere(); err != nil {
		t.Fatal(err)
	}
}

// What is no answer, or one to another request, is none to this one.
func TestAnswersOfOthers(t *testing.T) {
	c, fd := hostile(t)
	greet(t, c, fd)
	answers := make(chan string, 1)
	go func() {
		data, err := c.call(wire.Message{Kind: wire.Public, URI: keyURI("a")})
		answers <- string(data) + "|" + errorText(err)
	}()
	request := receive(t, fd)
	for _, m := range []*wire.Message{
		{Kind: wire.OK, Number: request.Number + 1, Data: []byte("another's")},
		{Kind: wire.Public, Number: request.Number, URI: keyURI("a")},
		{Kind: wire.OK, Number: request.Number, Data: []byte("mine")},
		{Kind: wire.OK, Number: request.Number, Data: []byte("again")},
	} {
		tell(t, fd, m.Encode())
	}
	if got := <-answers; got != "mine|" {
		t.Errorf("the answer is %q", got)
	}
}

func receive(t *testing.T, fd int) *wire.Message {
	t.Helper()
	buffer := make([]byte, wire.MaxMessage)
	n, err := unix.Read(fd, buffer)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.Decode(buffer[:n])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Who waits for an answer gets an error when there will be none.
func TestNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		does func(t *testing.T, c *Client, fd int)
		want string
	}{
		"nonsense":  {func(t *testing.T, _ *Client, fd int) { tell(t, fd, []byte{9, 9}) }, "malformed message"},
		"a new one": {func(t *testing.T, _ *Client, fd int) { tell(t, fd, (&wire.Message{Kind: wire.Hello}).Encode()) }, errAnother.Error()},
		"its death": {func(t *testing.T, _ *Client, fd int) {
			tell(t, fd, (&wire.Message{Kind: wire.Down, Text: "dead\x1b"}).Encode())
		}, "dead?"},
		"its end":    {func(t *testing.T, _ *Client, fd int) { _ = unix.Shutdown(fd, unix.SHUT_RDWR) }, "has ended"},
		"our end":    {func(_ *testing.T, c *Client, _ int) { _ = c.Close() }, "clos"},
		"an refusal": {func(t *testing.T, _ *Client, fd int) { tell(t, fd, wire.Failure(1, errors.New("no")).Encode()) }, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			c, fd := hostile(t)
			greet(t, c, fd)
			failed := make(chan error, 1)
			go func() {
				_, err := c.call(wire.Message{Kind: wire.Public, URI: keyURI("a")})
				failed <- err
			}()
			receive(t, fd)
			tc.does(t, c, fd)
			fails(t, <-failed, tc.want)
		})
	}
}

// TestStarting: who asks while the first process is being started waits for it,
// and not for longer than for an answer.
func TestStarting(t *testing.T) {
	for name, tc := range map[string]struct {
		then *wire.Message
		want string
	}{
		"it comes":      {&wire.Message{Kind: wire.Hello, Number: 1}, ""},
		"it can not":    {&wire.Message{Kind: wire.Down, Text: "no such file"}, "no such file"},
		"it is nothing": {nil, "clos"},
	} {
		t.Run(name, func(t *testing.T) {
			c, fd := hostile(t)
			failed := make(chan error, 1)
			go func() {
				_, err := c.call(wire.Message{Kind: wire.Public, URI: keyURI("a")})
				failed <- err
			}()
			for range 1000 {
				runtime.Gosched() // so that it is likely to wait
			}
			if tc.then == nil {
				_ = c.Close()
			} else {
				tell(t, fd, tc.then.Encode())
			}
			if tc.want == "" {
				tell(t, fd, (&wire.Message{Kind: wire.OK, Number: receive(t, fd).Number}).Encode())
				if err := <-failed; err != nil {
					t.Error(err)
				}
				return
			}
			fails(t, <-failed, tc.want)
		})
	}
}

func TestStartingTooLong(t *testing.T) {
	c, _ := hostile(t)
	c.mu.Lock()
	c.since = c.since.Add(-2 * patience)
	c.mu.Unlock()
	_, err := c.call(wire.Message{Kind: wire.Public, URI: keyURI("a")})
	fails(t, err, errStarting.Error())
}

// TestTooManyWait: requests to a token that does not answer do not pile up.
func TestTooManyWait(t *testing.T) {
	c, fd := hostile(t)
	greet(t, c, fd)
	c.mu.Lock()
	for n := range uint32(maxPending) {
		c.pending[n] = make(chan *wire.Message, 1)
	}
	c.mu.Unlock()
	_, err := c.call(wire.Message{Kind: wire.Public, URI: keyURI("a")})
	fails(t, err, errBusy.Error())
}

// A user who sends without an end holds nobody up while there is no process.
func TestDiscardEnds(t *testing.T) {
	n := 0
	discard(func() error { n++; return nil })
	if n != maxQueued {
		t.Errorf("%d messages were received, want %d", n, maxQueued)
	}
}

// A message of no bytes does not keep those behind it for the next process.
func TestDownTakesAll(t *testing.T) {
	l, err := newLink()
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	near := int(l.near.Fd())
	for _, data := range []string{"", "for the process that has died"} {
		if _, err := unix.SendmsgN(near, []byte(data), nil, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	l.down("it has ended")
	if n, _, err := unix.Recvfrom(int(l.far.Fd()), make([]byte, 100),
		unix.MSG_DONTWAIT); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("%d bytes are left, %v", n, err)
	}
}

// FuzzLines: what a helper says becomes lines that are bounded, in number too,
// and fit for a log, however it was cut into pieces.
func FuzzLines(f *testing.F) {
	f.Add([]byte("one\ntwo\x1b[31m\n\nthree"), 3)
	f.Add(bytes.Repeat([]byte("x"), 3*wire.MaxText), 1000)
	f.Add(bytes.Repeat([]byte("x\n"), 2*maxLines), 1)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		out := &messages{}
		l := &lines{log: slog.New(out), left: maxLines}
		for rest := data; len(rest) > 0; {
			n := min(max(piece, 1), len(rest))
			if written, err := l.Write(rest[:n]); written != n || err != nil {
				t.Fatalf("%d of %d bytes, %v", written, n, err)
			}
			rest = rest[n:]
		}
		l.flush()
		if len(out.all) > maxLines {
			t.Errorf("%d lines", len(out.all))
		}
		for _, m := range out.all {
			text, ok := strings.CutPrefix(m, "ssa-pkcs11: ")
			if !ok || text == "" || len(text) > wire.MaxText || strings.ContainsAny(text, "\n\r\x1b\x00") {
				t.Errorf("the log says %q", m)
			}
		}
		if all := bytes.ReplaceAll(data, []byte("\n"), nil); len(all) < wire.MaxText &&
			bytes.Count(data, []byte("\n")) < maxLines &&
			strings.ReplaceAll(strings.Join(out.all, ""), "ssa-pkcs11: ", "") != wire.Clean(string(all)) {
			t.Errorf("%q became %q", data, out.all)
		}
	})
}

// messages is a slog.Handler that keeps messages.
type messages struct {
	slog.Handler
	all []string
}

func (m *messages) Enabled(context.Context, slog.Level) bool { return true }

func (m *messages) Handle(_ context.Context, r slog.Record) error {
	m.all = append(m.all, r.Message)
	return nil
}
