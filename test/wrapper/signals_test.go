//go:build linux

package wrapper

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

// TestSignalsArePassedOn: who signals ssa means the program.
func TestSignalsArePassedOn(t *testing.T) {
	signals := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT,
		"HUP":  syscall.SIGHUP,
		"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "QUIT": syscall.SIGQUIT}
	for name, number := range signals {
		t.Run(name, func(t *testing.T) {
			if signal.Ignored(number) {
				ssatest.Missing(t, "whoever started the test ignores the signal, as nohup does, and so do all below it")
			}
			t.Parallel()
			p := start(t, fmt.Sprintf(`sleep 100 & trap 'echo got %s; kill $!; exit 3' %s; echo @ready; wait`, name, name))
			p.Wait("ready")
			p.Signal(number)
			if got := p.Finish(); !slices.Equal(got, []string{"got " + name, "exit status 3"}) {
				t.Errorf("the program printed %q", got)
			}
		})
	}
}

// TestDeathBySignal: a program that dies of a passed signal looks like that.
func TestDeathBySignal(t *testing.T) {
	p := start(t, "echo @ready; exec sleep 100")
	p.Wait("ready")
	p.Signal(syscall.SIGTERM)
	if got := p.Finish(); !slices.Equal(got, []string{"exit status 143"}) {
		t.Errorf("the program printed %q", got)
	}
}

// TestDaemon: a program that forks away goes on working, and its parent's
// status is the one that counts.
func TestDaemon(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	p := programs.Start(t, ssatest.Run{}.Command(t, programs.C(t), "daemon", "proto=205",
		"chain="+leaf.ChainFile(t), "key="+leaf.KeyFile(t)))
	network := &peer.Network{Client: &tls.Config{RootCAs: authority.Pool(), ServerName: "a.example"}}
	c := network.Dial(t, p.Port())
	c.Say("x")
	c.Expect("x")
	c.ExpectEnd().Close()
	if got := p.Finish(); !slices.Equal(got, []string{"served", "exit status 5"}) {
		t.Errorf("the program printed %q", got)
	}
}

// TestOrphansAreReaped: children whose parents are gone do not stay zombies.
func TestOrphansAreReaped(t *testing.T) {
	p := start(t, `for i in 1 2 3; do sh -c 'sh -c : &'; done; echo @ready; read x; exit 4`)
	p.Wait("ready")
	for end := time.Now().Add(20 * time.Second); zombies(t,
		p.Pid()) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d zombies below ssa", zombies(t, p.Pid()))
		}
	}
	p.GoOn()
	if got := p.Finish(); !slices.Equal(got, []string{"exit status 4"}) {
		t.Errorf("the program printed %q", got)
	}
}

// zombies counts the dead children of a process that nobody has waited for.
func zombies(t *testing.T, parent int) int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // gone by now
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if strings.HasPrefix(rest, fmt.Sprintf("Z %d ", parent)) {
			n++
		}
	}
	return n
}
