//go:build linux

package dashboard

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

// world is a policy, where its service listens, and a peer that it trusts.
type world struct {
	dir, policy, socket string
	network             *peer.Network
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "ssa-page-") // a short path: sun_path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	w := &world{dir: dir, policy: filepath.Join(dir, "policy.yaml"), socket: filepath.Join(dir, "s"),
		network: &peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}}}
	// A script has a name of its own where that makes a difference.
	text := fmt.Sprintf("default: {trust: {roots: [%s]}, server: {identity: www}, sessions: {shared_by: program}}\nidentities: {www: {chain: %s, key: %s}}\n",
		authority.File(t), leaf.ChainFile(t), leaf.KeyFile(t))
	if err := os.WriteFile(w.policy, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return w
}

// dashboard starts `ssa dashboard`, as a user if one is given, and returns the
// address that it writes.
func (w *world) dashboard(t *testing.T, uid uint32) (url string, cmd *exec.Cmd) {
	t.Helper()
	cmd = ssatest.Kill(t, exec.Command(ssatest.SSA(t), "dashboard", "--socket", w.socket, "--listen",
		"127.0.0.1:0"))
	cmd.Stderr = os.Stderr
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), cmd
}

// script starts a script in Python that has a name which no page should take
// for markup.
func (w *world) script(t *testing.T, code string, args ...any) *programs.Process {
	t.Helper()
	ssatest.Need(t, "python3")
	name := filepath.Join(w.dir, evil)
	text := fmt.Sprintf("#!/usr/bin/env python3\nimport sys\nsys.path.insert(0, %q)\nfrom contract import *\n%s", filepath.Dir(programs.Script(t, "contract.py")), code)
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	line := []string{name}
	for _, a := range args {
		line = append(line, fmt.Sprint(a))
	}
	return programs.Start(t, ssatest.Run{Service: w.socket, Verbose: true}.Command(t,
		"python3", line...))
}

// TestService: the page shows a connection by its TLS_ID, a refusal and a
// curve of a service at work, and says when that has gone and is back.
func TestService(t *testing.T) {
	w := newWorld(t)
	service := ssatest.StartService(t, w.policy, w.socket)
	url, _ := w.dashboard(t, 0)
	p := startBrowser(t).open(url, 1280, 900, "light")
	p.await(`document.querySelector('#main')?.hidden === false && document.querySelector('#refusals').textContent.includes('Nothing was refused')`)
	l := w.network.Listen(t)
	program := w.script(t, `
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
s.sendall(b"hello")
say("@id", struct.unpack("=Q", s.getsockopt(205, ID, 8))[0])
t = tls()
put(t, NAME, "b.example")
say(attempt(t.connect, ("127.0.0.1", int(args[0]))))
wait()
`, l.Port())
	conn := l.Accept()
	conn.Expect("hello")
	id := program.Wait("id")
	l.AcceptFailing()
	p.await(fmt.Sprintf(`Array.from(document.querySelectorAll('#connections tbody tr')).some((r) => {
		const cells = Array.from(r.children).map((c) => c.textContent);
		return cells[0] === %q && cells[1] === %q && cells[4] === 'a.example' && cells[5] === 'TLS 1.3';
	})`, id, evil))
	p.await(fmt.Sprintf(`document.querySelector('#refusals .bars').textContent.includes(%q) && document.querySelector('#refusals tbody').textContent.includes('b.example')`, evil))
	// The service adds a point every ten seconds.
	p.await(`document.querySelector('#versions .area') && document.querySelector('#open .area') && document.querySelector('#versions .legend').textContent.includes('TLS 1.3')`)
	if got := eval[string](p, `document.querySelector('#certificates .list tbody').textContent`); !strings.Contains(got, "www") ||
		!strings.Contains(got, "a.example") {
		t.Errorf("the certificates are %q", got)
	}
	if eval[int](p, `document.querySelectorAll('.month button').length`) == 0 {
		t.Error("no day of the calendar is marked")
	}
	p.screenshot("service", true)
	p.wantQuiet()

	service.Kill()
	p.await(`document.querySelector('#state').className === 'away' && document.querySelector('#notices').textContent.includes('no service is running')`)
	if got := eval[string](p, `document.querySelector('#connections td').textContent`); got != id {
		t.Errorf("what was last seen is gone: %q", got)
	}
	p.screenshot("away", false)
	ssatest.StartService(t, w.policy, w.socket)
	p.await(`document.querySelector('#state').className === 'here' && document.querySelector('#notices').textContent === '' && document.querySelector('#connections').textContent.includes('No connection is open')`)
}

// TestEnds: the page says so when there is nobody to ask any more.
func TestEnds(t *testing.T) {
	w := newWorld(t)
	ssatest.StartService(t, w.policy, w.socket)
	url, cmd := w.dashboard(t, 0)
	b := startBrowser(t)
	p := b.open(url, 800, 600, "dark")
	p.await(`document.querySelector('#main')?.hidden === false`)
	other := b.open(url[:strings.IndexByte(url, '#')], 800, 600, "light")
	other.await(`document.querySelector('#main')?.hidden && document.querySelector('#notices').textContent.includes('this page has no key')`)
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the dashboard ends with %v", err)
	}
	p.do("Page.bringToFront", nil, nil) // a page that nobody sees does not look
	p.await(`document.querySelector('#state').className === 'away' && document.querySelector('#notices').textContent.includes('does not answer')`)
}

// TestNoService: the terminal is told at once that there is nothing to show.
func TestNoService(t *testing.T) {
	for _, args := range [][]string{
		{"dashboard", "--socket", filepath.Join(t.TempDir(), "none")},
		{"dashboard", "--listen", "0.0.0.0:9206", "--socket", filepath.Join(t.TempDir(), "none")},
	} {
		cmd := exec.Command(ssatest.SSA(t), args...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		_ = cmd.Run()
		want := map[bool]string{true: "loopback", false: "no service is running"}[len(args) > 3]
		if cmd.ProcessState.ExitCode() != 125 || !strings.Contains(errs.String(), want) ||
			!strings.Contains(errs.String(), "ssa: hint:") {
			t.Errorf("%v: status %d, %s", args, cmd.ProcessState.ExitCode(), errs.String())
		}
	}
}

// TestOwnUser: a user's page has his own programs, and counts for itself what
// the service tells the administrator alone.
func TestOwnUser(t *testing.T) {
	ssatest.NeedRoot(t, "only root can be two users")
	const nobody = 65534
	w := newWorld(t)
	if err := os.Chmod(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ssatest.StartService(t, w.policy, w.socket)
	url, _ := w.dashboard(t, nobody)
	l := w.network.Listen(t)
	program := w.script(t, `
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
say("@connected")
wait()
`, l.Port())
	l.Accept()
	program.Wait("connected")
	p := startBrowser(t).open(url, 1000, 800, "dark")
	p.await(`document.querySelector('#service')?.textContent.includes('your own programs') && document.querySelector('#connections').textContent.includes('No connection is open')`)
	p.await(`document.querySelector('#time-note').textContent.includes('Counted by this page')`)
	p.await(`document.querySelector('#open .plot').hidden === false && document.querySelectorAll('#open .area').length > 0`)
	if got := eval[string](p, `document.body.textContent`); strings.Contains(got, "a.example") ||
		!strings.Contains(got, "administrator alone") {
		t.Errorf("a user sees what is root's:\n%s", got)
	}
	p.screenshot("own", true)
	p.wantQuiet()
}
