//go:build linux

// Package contract tests what a TLS socket has beyond a TCP socket, as a C
// program sees it: verification and its words, the TLS options and their
// errors, and how connections end on the wire.
package contract

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// start starts a scenario of the C programs over TLS under `ssa run`.
func start(t *testing.T, policy, scenario string, settings ...string) *programs.Process {
	t.Helper()
	args := append([]string{scenario, "proto=205"}, settings...)
	return programs.Start(t, ssatest.Run{Policy: policy, Verbose: true}.Command(t,
		programs.C(t), args...))
}

// to is the setting that leads a client to a listener.
func to(l *peer.Listener) string { return fmt.Sprintf("port=%d", l.Port()) }

// wantLines fails the test unless these lines are all in the transcript.
func wantLines(t *testing.T, transcript []string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !slices.Contains(transcript, line) {
			t.Errorf("the program did not print %q; it printed\n  %s", line, strings.Join(transcript, "\n  "))
		}
	}
}

// lineWith returns the first line that starts like this.
func lineWith(t *testing.T, transcript []string, prefix string) string {
	t.Helper()
	for _, line := range transcript {
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
	t.Fatalf("no line starts with %q; the program printed\n  %s", prefix, strings.Join(transcript, "\n  "))
	return ""
}

func itoa(n int) string { return fmt.Sprint(n) }
