//go:build linux

package hostile

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

// settings are those of a C program that talks to a listener.
func (w *world) settings(l *peer.Listener) string {
	return fmt.Sprintf("proto=205 name=%s port=%d chain=%s key=%s", peerName, l.Port(), w.chain, w.key)
}

// shell runs a script under one ssa; $1 in it is the C program.
func (w *world) shell(t *testing.T, script string) *programs.Process {
	t.Helper()
	return programs.Start(t, ssatest.Run{Policy: w.policy}.Command(t, "/bin/sh", "-c", script, "sh",
		programs.C(t)))
}

// holdings is what a process holds of the machine.
type holdings struct {
	descriptors, threads, kilobytes int
}

func holdingsOf(t *testing.T, pid int) holdings {
	t.Helper()
	fds, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil {
		t.Fatalf("count the descriptors of ssa: %v", err)
	}
	h := holdings{descriptors: len(fds)}
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatalf("read the status of ssa: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "Threads:"):
			h.threads, _ = strconv.Atoi(fields[1])
		case strings.HasPrefix(line, "RssAnon:"):
			h.kilobytes, _ = strconv.Atoi(fields[1])
		}
	}
	if h.threads == 0 || h.kilobytes == 0 {
		t.Fatalf("the status of ssa has no threads or no memory:\n%s", status)
	}
	return h
}

// settled waits until ssa holds no more descriptors than this, and returns what
// it holds then, or in the end.
func settled(t *testing.T, pid, descriptors int) holdings {
	t.Helper()
	h := holdingsOf(t, pid)
	for end := time.Now().Add(20 * time.Second); h.descriptors > descriptors &&
		time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		h = holdingsOf(t, pid)
	}
	return h
}

// slackKB is how much more memory than after 100 connections may be in use: a
// garbage collector's leeway. 10,000 connections that leak a kilobyte each are
// at its limit, and a goroutine is two kilobytes at least.
const slackKB = 10 << 10

// grown reports whether ssa holds more than is explained by leeway. How much
// memory the race detector keeps says nothing of ssa.
func grown(few, all holdings) bool {
	race := strings.Contains(os.Getenv("SSA_TEST_BUILDFLAGS"), "-race")
	return all.descriptors > few.descriptors || all.threads > few.threads+8 ||
		!race && all.kilobytes > few.kilobytes+slackKB
}

// TestLeaks: after thousands of connections ssa holds what it held after 100.
func TestLeaks(t *testing.T) {
	tests := []struct {
		name, scenario string
		count          int
		// A close of a socket that is not connected shows in no event: the gate
		// looks for such sockets when it has 64.
		unseen int
	}{
		{"connections", "churn", 10000, 0},
		{"unused, bound and refused sockets", "churn-unused", 10000, 64},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if ssatest.Ordinary() {
				test.count /= 10 // a leak does not depend on the user
			}
			w := newWorld(t)
			l := w.network.Listen(t)
			defer echo(l)()
			p := w.start(t, test.scenario, l.Port(), test.count)
			p.Wait("few")
			few := settled(t, p.Pid(), 24)
			p.GoOn()
			p.Wait("all")
			all := settled(t, p.Pid(), few.descriptors+test.unseen)
			p.GoOn()
			t.Logf("after 100: %+v; after %d: %+v", few, test.count, all)
			few.descriptors += test.unseen
			if grown(few, all) {
				t.Errorf("after %d, ssa holds %+v; after 100 it held %+v", test.count, all, few)
			}
			p.Finish()
		})
	}
}

// TestServerLeaks is the same of a server, whose clients include bad ones.
func TestServerLeaks(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, "echo-server", 0, 0)
	port := p.Port()
	visit := func(n int) {
		for i := range n {
			switch i % 4 {
			case 0: // a good one
				c := w.network.Dial(t, port)
				c.Say("hello")
				c.Expect("hello")
				c.CloseWrite()
				c.ExpectEnd().Close()
			case 1: // says nothing and goes
				w.network.DialTCP(t, port).Close()
			case 2: // garbage
				c := w.network.DialTCP(t, port)
				_, _ = c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
				c.Close()
			case 3: // goes without a word after the handshake
				w.network.Dial(t, port).Reset()
			}
		}
	}
	visit(100)
	few := settled(t, p.Pid(), 24)
	visit(2000)
	all := settled(t, p.Pid(), few.descriptors)
	t.Logf("after 100: %+v; after 2000: %+v", few, all)
	if grown(few, all) {
		t.Errorf("after 2000 clients, ssa holds %+v; after 100 it held %+v", all, few)
	}
}
