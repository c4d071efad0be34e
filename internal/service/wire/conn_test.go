package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// connPair returns two connected Conns and the raw descriptor of a third kind
// of peer: one that speaks nonsense.
func connPair(t testing.TB) (*Conn, *Conn) {
	t.Helper()
	a, b := fdPair(t)
	ca, err := NewConn(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	cb, err := NewConn(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ca.Close)
	t.Cleanup(cb.Close)
	return ca, cb
}

func fdPair(t testing.TB) (*sys.FD, *sys.FD) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return sys.Own(pair[0]), sys.Own(pair[1])
}

func receive(t testing.TB, c *Conn) *Frame {
	t.Helper()
	f, err := c.Receive(context.Background())
	if err != nil {
		t.Fatalf("receiving: %v", err)
	}
	t.Cleanup(f.Close)
	return f
}

func TestMessagesArriveInOrderWithTheirDescriptors(t *testing.T) {
	ssatest.NoLeaks(t)
	a, b := connPair(t)
	first, second := tempFile(t, "first"), tempFile(t, "second")
	for _, err := range []error{
		a.Send(&Handshake{Ref: 1, Request: Request{Name: "a.example"}}, int(first.Fd()),
			int(second.Fd())),
		a.Send(&Guard{Ref: 2}),
		a.Send(&Relay{Ref: 3}, int(second.Fd())),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	f := receive(t, b)
	if m, ok := f.Message.(*Handshake); !ok || m.Name != "a.example" || len(f.Descriptors) != 2 {
		t.Errorf("got %+v with %d descriptors, want the handshake with 2", f.Message, len(f.Descriptors))
	}
	wantFile(t, f.Descriptors[0], "first")
	wantFile(t, f.Descriptors[1], "second")
	if f := receive(t, b); len(f.Descriptors) != 0 {
		t.Errorf("%+v came with %d descriptors, want none", f.Message, len(f.Descriptors))
	}
	wantFile(t, receive(t, b).Descriptors[0], "second")
}

func tempFile(t testing.TB, content string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
	return f
}

func wantFile(t testing.TB, fd *sys.FD, content string) {
	t.Helper()
	buf := make([]byte, 64)
	n, err := unix.Pread(fd.Int(), buf, 0)
	if err != nil || string(buf[:n]) != content {
		t.Errorf("the descriptor has %q (%v), want %q", buf[:max(n, 0)], err, content)
	}
}

// A side that does not read makes the other one queue, in order, and then give
// up.
func TestSlowReader(t *testing.T) {
	ssatest.NoLeaks(t)
	a, b := connPair(t)
	const many = 5000
	file := tempFile(t, "x")
	for i := range uint64(many) {
		var fds []int
		if i%1000 == 0 {
			fds = []int{int(file.Fd())}
		}
		if err := a.Send(&Guard{Ref: i}, fds...); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	for i := range uint64(many) {
		f := receive(t, b)
		if m, ok := f.Message.(*Guard); !ok || m.Ref != i || (len(f.Descriptors) == 1) != (i%1000 == 0) {
			t.Fatalf("message %d is %+v with %d descriptors", i, f.Message, len(f.Descriptors))
		}
	}
	report := &Report{JSON: [][]byte{make([]byte, maxFields/2)}}
	var err error
	for range 10 {
		if err = a.Send(report); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrSlow) {
		t.Errorf("sending much to a side that does not read ended with %v, want ErrSlow", err)
	}
}

func TestNonsenseEndsTheConnection(t *testing.T) {
	ssatest.NoLeaks(t)
	tooMany := make([]int, maxDescriptors+2)
	for i := range tooMany {
		tooMany[i] = int(tempFile(t, "").Fd())
	}
	for _, tc := range []struct {
		name string
		data []byte
		fds  []int
	}{
		{"huge length", []byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0}, nil},
		{"unknown type", []byte{0, 0, 0, 0, 99, 0, 0, 0}, nil},
		{"not zero", []byte{0, 0, 0, 0, 1, 0, 0, 1}, nil},
		{"descriptors promised", []byte{0, 0, 0, 0, byte(KindRelay), 1, 0, 0}, nil},
		{"many descriptors promised", []byte{0, 0, 0, 0, byte(KindRelay), 255, 0, 0}, nil},
		{"unknown field", []byte{0, 0, 0, 5, byte(KindRelay), 0, 0, 0, 200, 0, 0, 0, 0}, nil},
		{"field cut short", []byte{0, 0, 0, 5, byte(KindRelay), 0, 0, 0, 1, 0, 0, 0, 8}, nil},
		{"too many descriptors", []byte{0}, tooMany},
		{"end in a frame", []byte{0, 0, 0, 9}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			raw, fd := fdPair(t)
			c, err := NewConn(fd, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var control []byte
			if tc.fds != nil {
				control = unix.UnixRights(tc.fds...)
			}
			if _, err := unix.SendmsgN(raw.Int(), tc.data, control, nil, 0); err != nil {
				t.Fatal(err)
			}
			raw.Close()
			if f, err := c.Receive(context.Background()); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("got %+v and %v, want an error", f, err)
			}
		})
	}
}

func TestBudget(t *testing.T) {
	ssatest.NoLeaks(t)
	held := 0
	a, fd := fdPair(t)
	c, err := NewConn(fd, func(n int) bool {
		if held+n > 100 {
			return false
		}
		held += n
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	defer a.Close()
	for range 50 {
		if _, err := unix.Write(a.Int(), []byte{0, 0, 0, 0, byte(KindGoAway), 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
		receive(t, c)
	}
	if held != 0 {
		t.Errorf("%d bytes are held of no message", held)
	}
	if _, err := unix.Write(a.Int(), append([]byte{0, 0, 1, 0, byte(KindHello), 0, 0, 0},
		make([]byte, 200)...)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Receive(context.Background()); err == nil || held != 0 {
		t.Errorf("beyond the budget: error %v, %d bytes held; want an error and none", err, held)
	}
}

func TestCancelledReceive(t *testing.T) {
	ssatest.NoLeaks(t)
	a, _ := connPair(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// FuzzDecode: what decodes encodes to something that decodes to the same.
func FuzzDecode(f *testing.F) {
	request := Request{Server: true, Exe: "/bin/x", Name: "a", Port: 1, Options: [][]byte{{1}},
		ALPN: []string{"h2"}, Identities: [][]byte{{2}}, Roots: [][]byte{{3}}, TimeoutMillis: 4}
	for _, m := range []Message{
		&Hello{Version: 1, Agent: "x", LastID: 2}, &Listen{1, request}, &Handshake{1, 2, 3, request},
		&SetAbortive{1, true}, &KeyLog{1, "p", 2},
		&Welcome{1, 2, 3, Policy{[]string{"n"}, [][]byte{{1}}}}, &Refused{1, 2, 3, "s"},
		&Established{1, 2, 3, 4, "a", "b", "c", [][]byte{{1}}, true, "g", []string{"r"}, []string{"l"}},
		&Ended{1, true, 2, 3, "s", 4, 5, true}, &ResetNeeded{1, 2, 3, "s"}, &GoAway{},
		&Report{1, [][]byte{{1}}},
	} {
		data, err := encode(m, 0)
		if err != nil {
			f.Fatal(err)
		}
		back, err := decode(m.kind(), data[headerSize:])
		if err != nil || !reflect.DeepEqual(m, back) {
			f.Fatalf("%+v came back as %+v, %v", m, back, err)
		}
		f.Add(byte(m.kind()), data[headerSize:])
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		m, err := decode(Kind(kind), data)
		if err != nil {
			if m != nil {
				t.Errorf("a message came with the error %v", err)
			}
			return
		}
		again, err := encode(m, 0)
		if err != nil {
			t.Fatalf("%+v does not encode: %v", m, err)
		}
		back, err := decode(m.kind(), again[headerSize:])
		if err != nil || fmt.Sprintf("%+v", back) != fmt.Sprintf("%+v", m) {
			t.Errorf("%+v came back as %+v, %v", m, back, err)
		}
	})
}

// FuzzReceive: whatever comes is taken apart or refused, and nothing is left
// open.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, byte(KindGoAway), 0, 0, 0, 0, 0, 0, 0, byte(KindGoAway), 0, 0,
		0}, byte(0))
	f.Add([]byte{0, 0, 0, 0, byte(KindRelay), 1, 0, 0}, byte(1))
	null, err := os.Open(os.DevNull)
	if err != nil {
		f.Fatal(err)
	}
	defer null.Close()
	f.Fuzz(func(t *testing.T, data []byte, fds byte) {
		if len(data) > chunk {
			return
		}
		raw, fd := fdPair(t)
		c, err := NewConn(fd, nil)
		if err != nil {
			t.Fatal(err)
		}
		var control []byte
		for range min(fds, 6) {
			control = append(control, unix.UnixRights(int(null.Fd()))...)
		}
		_ = unix.Sendmsg(raw.Int(), data, control, nil, unix.MSG_DONTWAIT)
		raw.Close()
		for {
			frame, err := c.Receive(context.Background())
			if err != nil {
				break
			}
			frame.Close()
		}
		if len(c.fds) != 0 || c.held != 0 {
			t.Errorf("%d descriptors and %d bytes are left", len(c.fds), c.held)
		}
		c.Close()
	})
}

// TestBudgetOfUnread: what the other side does not read counts, all of a message
// until its end, and is given back.
func TestBudgetOfUnread(t *testing.T) {
	ssatest.NoLeaks(t)
	var held atomic.Int64
	mine, theirs := fdPair(t)
	a, err := NewConn(mine, func(n int) bool {
		if held.Add(int64(n)) <= maxFields {
			return true
		}
		held.Add(int64(-n))
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := NewConn(theirs, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	report := &Report{JSON: [][]byte{make([]byte, maxFields*3/4)}}
	if err := a.Send(report); err != nil || held.Load() < maxFields/2 {
		t.Fatalf("a message that has no room: %v, %d bytes are held", err, held.Load())
	}
	receive(t, b)
	ssatest.Await(t, "what was held is given back after the last byte was sent", func() bool { return held.Load() == 0 })
	for range 2 {
		err = a.Send(report)
	}
	if !errors.Is(err, ErrSlow) {
		t.Errorf("more than the budget ended with %v, want ErrSlow", err)
	}
	if n := held.Load(); n != 0 {
		t.Errorf("%d bytes are held by a connection that has ended", n)
	}
}

// TestGreetLeaving: a service may begin to leave before it has read Hello.
func TestGreetLeaving(t *testing.T) {
	a, b := connPair(t)
	for _, m := range []Message{&GoAway{}, &Welcome{Version: Version, FirstID: 5}} {
		if err := b.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	if w, err := Greet(t.Context(), a, Hello{}); err != nil || w.FirstID != 5 {
		t.Errorf("greeting a service that leaves: %+v, %v", w, err)
	}
}
