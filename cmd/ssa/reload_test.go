package main

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

const (
	policy12 = "default:\n  versions: {min: \"1.2\"}\n"
	policy13 = "default:\n  versions: {min: \"1.3\"}\n"
)

// reloading is a reloader under test. What it does arrives in one channel, in
// order: policies that were applied, and lines that were written.
type reloading struct {
	t      *testing.T
	events chan any
}

// Write takes lines of the log.
func (r *reloading) Write(line []byte) (int, error) {
	r.events <- string(line)
	return len(line), nil
}

// reload starts a reloader, with the policy of this moment in force.
func reload(t *testing.T, source policySource, judged bool) *reloading {
	t.Helper()
	ssatest.NoLeaks(t)
	r := &reloading{t: t, events: make(chan any, 100)}
	watched := startReloader(&reloader{
		source: source, judged: judged, apply: func(p *policy.Policy) { r.events <- p },
		log: slog.New(slog.DiscardHandler), alarms: slog.New(&lineHandler{out: r}),
	}, source.state())
	t.Cleanup(func() {
		if err := watched.close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// next waits for what happens next.
func (r *reloading) next() any {
	r.t.Helper()
	select {
	case e := <-r.events:
		return e
	case <-time.After(time.Minute):
		r.t.Fatal("the change was not seen within a minute")
		return nil
	}
}

func (r *reloading) applied(minimum uint16) {
	r.t.Helper()
	switch e := r.next().(type) {
	case *policy.Policy:
		if got := e.Default().MinVersion; got != minimum {
			r.t.Fatalf("a policy with versions.min %#x was applied, want %#x", got, minimum)
		}
	default:
		r.t.Fatalf("got %q, want a policy to be applied", e)
	}
}

func (r *reloading) refused(want ...string) {
	r.t.Helper()
	line, ok := r.next().(string)
	if !ok {
		r.t.Fatal("a policy was applied, want it to be refused")
	}
	for _, part := range append(want, "ssa: error: policy not reloaded: ") {
		if !strings.Contains(line, part) {
			r.t.Fatalf("no %q in %q", part, line)
		}
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func replace(t *testing.T, path, text string) {
	t.Helper()
	put(t, path+"~", text)
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}

func TestReloadOfOneFile(t *testing.T) {
	file := writePolicy(t, policy12)
	r := reload(t, policySource{file: file}, false)
	replace(t, file, policy13)
	r.applied(tls.VersionTLS13)
	replace(t, file, policy12)
	r.applied(tls.VersionTLS12)
	// Another file of the folder is none of our business: the next thing to
	// happen is the refusal.
	put(t, filepath.Join(filepath.Dir(file), "other.yaml"), "no policy")
	replace(t, file, "default:\n  version: {}\n  versions: {min: \"1.9\"}\n")
	r.refused(file+":2:3: unknown key", file+":3:19: ")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	r.refused("no such file")
	replace(t, file, policy13)
	r.applied(tls.VersionTLS13)
}

// A file that is written in place may be seen before it is complete; in the
// end the whole of it holds.
func TestReloadInPlace(t *testing.T) {
	file := writePolicy(t, policy12)
	r := reload(t, policySource{file: file}, false)
	put(t, file, policy13)
	for {
		if p, ok := r.next().(*policy.Policy); ok && p.Default().MinVersion == tls.VersionTLS13 {
			return
		}
	}
}

func TestReloadThroughSymbolicLink(t *testing.T) {
	target := writePolicy(t, policy12)
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	r := reload(t, policySource{file: link}, false)
	replace(t, target, policy13)
	r.applied(tls.VersionTLS13)
	other := writePolicy(t, policy12)
	if err := os.Symlink(other, link+"~"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+"~", link); err != nil {
		t.Fatal(err)
	}
	r.applied(tls.VersionTLS12)
	replace(t, other, policy13)
	r.applied(tls.VersionTLS13)
}

// A machine without a policy gets one, folder by folder.
func TestReloadOfSystemPolicy(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	ssa := filepath.Join(root, "etc", "ssa")
	r := reload(t, policySource{root: root}, false)
	replace(t, filepath.Join(ssa, "policy.yaml"), policy13)
	r.applied(tls.VersionTLS13)
	replace(t, filepath.Join(ssa, "policy.d", "10-more.yaml"), policy12)
	r.applied(tls.VersionTLS12)
	if err := os.Chmod(filepath.Join(ssa, "policy.yaml"), 0o602); err != nil {
		t.Fatal(err)
	}
	r.refused("may be written by everyone")
	if err := os.Rename(ssa, filepath.Join(root, "old")); err != nil {
		t.Fatal(err)
	}
	r.applied(tls.VersionTLS12) // the built-in default
	replace(t, filepath.Join(ssa, "policy.yaml"), policy13)
	r.applied(tls.VersionTLS13)
}

// What was changed between the reading of the policy and the watch counts.
func TestReloadOfAnEarlyChange(t *testing.T) {
	ssatest.NoLeaks(t)
	file := writePolicy(t, policy12)
	source := policySource{file: file}
	read := source.state()
	replace(t, file, policy13)
	r := &reloading{t: t, events: make(chan any, 100)}
	watched := startReloader(&reloader{source: source, apply: func(p *policy.Policy) { r.events <- p },
		log: slog.New(slog.DiscardHandler), alarms: slog.New(&lineHandler{out: r})}, read)
	r.applied(tls.VersionTLS13)
	if err := watched.close(); err != nil {
		t.Error(err)
	}
}

// The gate cannot begin to judge plain TCP under a running program.
func TestReloadOfPlainTCP(t *testing.T) {
	const deny = "default: {plain_tcp: deny}\n"
	for name, judged := range map[string]bool{"judged from the start": true, "not judged": false} {
		t.Run(name, func(t *testing.T) {
			file := writePolicy(t, policy13)
			r := reload(t, policySource{file: file}, judged)
			replace(t, file, deny)
			if judged {
				r.applied(tls.VersionTLS12)
			} else {
				r.refused("plain TCP", "start the program again")
			}
		})
	}
}

func TestReloadWarns(t *testing.T) {
	file := writePolicy(t, policy12)
	var told bytes.Buffer
	r := &reloading{t: t, events: make(chan any, 100)}
	source := policySource{file: file}
	watched := startReloader(&reloader{source: source, apply: func(p *policy.Policy) { r.events <- p },
		log: slog.New(&lineHandler{out: &told}), alarms: slog.New(&lineHandler{out: r})}, source.state())
	replace(t, file, policy13+"profiles:\n  - name: lab\n    match: {user: \"5\"}\n    trust: {verify: off}\n")
	r.applied(tls.VersionTLS13)
	if err := watched.close(); err != nil { // all has been told then
		t.Error(err)
	}
	for _, want := range []string{"does not verify its peers", "policy reloaded"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("no %q in %q", want, told.String())
		}
	}
}

// A program may end just as the watch begins: nobody is alarmed.
func TestReloadEndsQuietly(t *testing.T) {
	ssatest.NoLeaks(t)
	r := &reloading{t: t, events: make(chan any, 100)}
	source := policySource{file: writePolicy(t, policy12)}
	watched := startReloader(&reloader{source: source, alarms: slog.New(&lineHandler{out: r})},
		source.state())
	if err := watched.close(); err != nil {
		t.Fatal(err)
	}
	watched.watchAll()
	select {
	case event := <-r.events:
		t.Errorf("told after the end: %v", event)
	default:
	}
}

// `ssa run` takes no inotify instance of its user's, and sees changes.
func TestReloadByLooking(t *testing.T) {
	ssatest.NoLeaks(t)
	r := &reloading{t: t, events: make(chan any, 100)}
	file := writePolicy(t, policy12)
	source := policySource{file: file}
	watched := startReloader(&reloader{source: source, polls: true,
		apply: func(p *policy.Policy) { r.events <- p },
		log:   slog.New(slog.DiscardHandler), alarms: slog.New(&lineHandler{out: r})}, source.state())
	if watched.watch != nil {
		t.Error("there is an inotify instance")
	}
	for _, p := range []struct {
		text string
		min  uint16
	}{{policy13, tls.VersionTLS13}, {policy12, tls.VersionTLS12}} {
		replace(t, file, p.text)
		r.applied(p.min)
	}
	if err := watched.close(); err != nil {
		t.Error(err)
	}
}

// Where nothing can be watched, whoever watches is told, nobody is alarmed, and
// changes are seen.
func TestReloadWithoutWatch(t *testing.T) {
	ssatest.NoLeaks(t)
	r := &reloading{t: t, events: make(chan any, 100)}
	file := writePolicy(t, policy12)
	source := policySource{file: file}
	state := source.state()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 3 // all in use
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	watched := startReloader(&reloader{source: source, apply: func(p *policy.Policy) { r.events <- p },
		log: slog.New(&lineHandler{out: r}), alarms: slog.New(slog.DiscardHandler)}, state)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if told, _ := r.next().(string); !strings.Contains(told, "cannot be watched") ||
		!strings.Contains(told, "fs.inotify.max_user_instances") {
		t.Errorf("told %q, want to be told what cannot be watched and what to raise", told)
	}
	replace(t, file, policy13)
	r.applied(tls.VersionTLS13)
	if err := watched.close(); err != nil {
		t.Error(err)
	}
}
