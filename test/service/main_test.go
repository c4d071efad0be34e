//go:build linux

// Package service tests `ssa daemon` at work: its life and death under load,
// its upgrade, and what callers who do not play by the rules can do.
package service

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// world is a policy, a service's socket, and peers that the policy trusts.
type world struct {
	policy, socket string
	chain, key     string
	network        *peer.Network
}

// newWorld makes a world whose policy has an identity for a.example.
func newWorld(t *testing.T) *world {
	t.Helper()
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	dir, err := os.MkdirTemp("", "ssa-service-") // a short path: sun_path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &world{
		policy: filepath.Join(dir, "policy.yaml"), socket: filepath.Join(dir, "s"),
		chain: leaf.ChainFile(t), key: leaf.KeyFile(t),
		network: &peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}},
			Client: &tls.Config{RootCAs: authority.Pool(), ServerName: "a.example"}},
	}
	w.write(t, fmt.Sprintf("default: {trust: {roots: [%s]}, server: {identity: www}}\nidentities: {www: {chain: %s, key: %s}}\n",
		authority.File(t), w.chain, w.key))
	return w
}

// write writes the policy anew.
func (w *world) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(w.policy, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (w *world) service(t *testing.T, args ...string) *ssatest.Service {
	t.Helper()
	return ssatest.StartService(t, w.policy, w.socket, args...)
}

// python runs a program in Python with the service, after what contract.py has.
func (w *world) python(t *testing.T, flags []string, code string, args ...any) *programs.Process {
	t.Helper()
	ssatest.Need(t, "python3")
	common := programs.Script(t, "contract.py")
	line := []string{"-c", fmt.Sprintf("import sys\nsys.path.insert(0, %q)\nfrom contract import *\n%s", filepath.Dir(common), code)}
	for _, a := range args {
		line = append(line, fmt.Sprint(a))
	}
	run := ssatest.Run{Service: w.socket, Verbose: true, Flags: flags}
	return programs.Start(t, run.Command(t, "python3", line...))
}

// wantTranscript fails the test unless a program printed just this, and ended
// well.
func wantTranscript(t *testing.T, p *programs.Process, want ...string) {
	t.Helper()
	want = append(want, "exit status 0")
	if got := p.Finish(); !slices.Equal(got, want) {
		t.Errorf("the program printed\n  %s\nwanted\n  %s\nstandard error:\n%s",
			strings.Join(got, "\n  "), strings.Join(want, "\n  "), p.Stderr())
	}
}
