//go:build linux

package leftover_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine/leftover"
)

const childEnv = "SSA_TEST_LEFTOVER_CHILD"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childEnv {
		c, err := leftover.Inherited()
		if err != nil {
			os.Exit(1)
		}
		c.Deliver(patient)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var patient = leftover.Limits{Stall: time.Hour, Linger: time.Hour}

func pair(t *testing.T) (ours, peer *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

// TestStart: another process sends everything of all connections, while what
// peers send does not disturb it.
func TestStart(t *testing.T) {
	var c leftover.Collection
	var peers []*net.TCPConn
	rests := [][]byte{bytes.Repeat([]byte("a"), 20<<20), nil, []byte("c")}
	for _, rest := range rests {
		ours, peer := pair(t)
		if _, err := peer.Write([]byte("nobody reads this")); err != nil {
			t.Fatal(err)
		}
		c.Add(ours, rest)
		ours.Close()
		peers = append(peers, peer)
	}
	if err := c.Start("/proc/self/exe", childEnv); err != nil {
		t.Fatal(err)
	}
	if !c.Empty() {
		t.Error("the collection is not empty")
	}
	for i, peer := range peers {
		got, err := io.ReadAll(peer)
		if err != nil || !bytes.Equal(got, rests[i]) {
			t.Errorf("peer %d read %d bytes, %v; want %d", i, len(got), err, len(rests[i]))
		}
		peer.Close() // for which the process waits
	}
}

// TestStartFails: what cannot be handed on stays.
func TestStartFails(t *testing.T) {
	var c leftover.Collection
	ours, peer := pair(t)
	c.Add(ours, []byte("rest"))
	ours.Close()
	if err := c.Start("/nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("starting what is not there: %v", err)
	}
	done := make(chan struct{})
	go func() { defer close(done); c.Deliver(patient) }()
	if got, err := io.ReadAll(peer); string(got) != "rest" || err != nil {
		t.Errorf("the peer read %q, %v", got, err)
	}
	peer.Close()
	<-done
}

// TestStall: a peer that takes nothing, or does not end, is not waited for.
func TestStall(t *testing.T) {
	for name, rest := range map[string][]byte{"much": make([]byte, 50<<20),
		"what TCP takes": []byte("x")} {
		var c leftover.Collection
		ours, _ := pair(t)
		c.Add(ours, rest)
		ours.Close()
		c.Deliver(leftover.Limits{Stall: time.Millisecond, Linger: time.Millisecond})
		if !c.Empty() {
			t.Errorf("%s: something is left", name)
		}
	}
}

// TestReset: nobody waits for a peer that has reset the connection, although
// the kernel goes on counting what it has not acknowledged.
func TestReset(t *testing.T) {
	var c leftover.Collection
	ours, peer := pair(t)
	if err := errors.Join(peer.SetReadBuffer(4<<10), ours.SetWriteBuffer(1<<20)); err != nil {
		t.Fatal(err)
	}
	c.Add(ours, make([]byte, 100<<10))
	done := make(chan struct{})
	go func() { defer close(done); c.Deliver(patient) }()
	awaitState(t, ours, unix.BPF_TCP_FIN_WAIT1) // all is sent, and not all acknowledged
	if err := errors.Join(peer.SetLinger(0), peer.Close()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("waits for a peer that has reset the connection")
	}
}

func awaitState(t *testing.T, c *net.TCPConn, want uint8) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		var info *unix.TCPInfo
		closed := raw.Control(func(fd uintptr) {
			info, err = unix.GetsockoptTCPInfo(int(fd),
				unix.IPPROTO_TCP, unix.TCP_INFO)
		})
		if err := errors.Join(closed, err); err != nil {
			t.Fatal(err)
		}
		if info.State == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("TCP is in state %d, not %d", info.State, want)
		}
	}
}
