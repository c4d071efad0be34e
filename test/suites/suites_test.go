//go:build suites

package suites

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// suiteTime bounds one suite: the longest takes a minute.
const suiteTime = 10 * time.Minute

// outcomes says of each case of a suite whether it passed; a skipped one is not
// in there.
type outcomes map[string]bool

func (o outcomes) count() (passed, failed int) {
	for _, ok := range o {
		if ok {
			passed++
		} else {
			failed++
		}
	}
	return passed, failed
}

// suite is a test suite: how to run it, natively or not, and what came of it.
type suite struct {
	name string
	// command returns the command line, its folder and its environment; a report
	// may be written to the given file.
	command func(t *testing.T, tls bool, report string) *exec.Cmd
	read    func(output, report string) (outcomes, error)
	// version says what it is the suite of.
	version func(t *testing.T) string
}

// world is who the sockets are: servers have one certificate, clients trust it.
func world(t *testing.T) (policy string) {
	authority := ssatest.NewAuthority(t)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"localhost", host},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2), net.IPv6loopback,
			net.IPv4zero, net.IPv6unspecified}})
	policy = filepath.Join(t.TempDir(), "policy.yaml")
	text := fmt.Sprintf("identities:\n  suites: {chain: %s, key: %s}\ndefault:\n  trust: {roots: [%s]}\n  server: {identity: suites}\n",
		leaf.ChainFile(t), leaf.KeyFile(t), authority.File(t))
	if err := os.WriteFile(policy, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return policy
}

// TestSuites runs them all, or those whose names are in SSA_SUITES. What they say
// is in bin/suites.
func TestSuites(t *testing.T) {
	if ssatest.Ordinary() {
		return // one run is enough: the gate's own tests look at users
	}
	policy := world(t)
	fresh := map[string]string{}
	for _, s := range suites() {
		if only := os.Getenv("SSA_SUITES"); only != "" &&
			!strings.Contains(" "+only+" ", " "+s.name+" ") {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			native := s.run(t, "")
			over := s.run(t, policy)
			fresh[s.name] = figures{native, over, excludedOf(s.name)}.row(s, s.version(t))
			judge(t, s.name, native, over)
		})
	}
	var table strings.Builder
	for _, s := range suites() {
		table.WriteString(rowOf(s.name, fresh, ""))
	}
	t.Logf("%s%s", figuresHead, table.String())
	if *update {
		writeFigures(t, fresh)
	}
}

// judge fails for every case that passes natively, not over TLS, and is not
// excluded. A case that is missing over TLS has not passed, unless it may skip
// itself.
func judge(t *testing.T, name string, native, over outcomes) {
	var cases []string
	for c, ok := range native {
		if ok && !over[c] {
			cases = append(cases, c)
		}
	}
	sort.Strings(cases)
	for _, c := range cases {
		why, maySkip := excluded[name+" "+c], skipsItself[c[strings.LastIndex(c, ".")+1:]]
		if _, told := over[c]; !told && maySkip != "" {
			t.Logf("it skipped itself over TLS: %s: %s", c, maySkip)
		} else if why != "" {
			t.Logf("excluded: %s: %s", c, why)
		} else {
			t.Errorf("passes over TCP, and not over TLS: %s", c)
		}
	}
	for key := range excluded {
		if c, ours := strings.CutPrefix(key, name+" "); ours && over[c] {
			t.Logf("excluded, but it passed: %s", c)
		}
	}
}

// run runs the suite, under the policy if there is one.
func (s suite) run(t *testing.T, policy string) outcomes {
	report := filepath.Join(t.TempDir(), "report")
	cmd := s.command(t, policy != "", report)
	if policy != "" {
		under := ssatest.Run{Policy: policy}.Command(t, cmd.Path, cmd.Args[1:]...)
		under.Dir, under.Env = cmd.Dir, cmd.Env
		cmd = under
	}
	ctx, cancel := context.WithTimeout(t.Context(), suiteTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	output, runErr := cmd.CombinedOutput() // a failed case is a failed run
	keep(t, s.name, policy != "", output)
	got, err := s.read(string(output), report)
	if err != nil || len(got) == 0 {
		t.Fatalf("%s told no outcomes (%v, %v); it ended with:\n%s", strings.Join(cmd.Args, " "), runErr, err, tail(string(output)))
	}
	return got
}

// keep writes what a suite said where a person finds it.
func keep(t *testing.T, name string, tls bool, output []byte) {
	const dir = "../../bin/suites"
	file := strings.ReplaceAll(name, "/", "-") + ".tcp.txt"
	if tls {
		file = strings.ReplaceAll(name, "/", "-") + ".tls.txt"
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), output, 0o644); err != nil {
		t.Fatal(err)
	}
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-60):], "\n")
}
