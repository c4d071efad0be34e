//go:build linux

package service

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

// asked connects a plain TCP socket for each line that it reads, and a TLS socket
// after that, and says what came of both.
const asked = `use Socket; $| = 1; my ($plain, $secure) = @ARGV; print "here\n";
while (<STDIN>) {
	socket(my $p, 2, 1, 6) or die; my @said = connect($p, sockaddr_in($plain, inet_aton("127.0.0.1"))) ? "plain" : "$!";
	socket(my $s, 2, 1, 205) or die "socket: $!"; setsockopt($s, 205, 85, "a.example") or die "name: $!";
	if (!connect($s, sockaddr_in($secure, inet_aton("127.0.0.1")))) { push @said, "$!" }
	else { push @said, sprintf("%x", unpack("i", getsockopt($s, 205, 113))) }
	print join(", ", @said), "\n";
}`

// TestGateAndServiceAgree: what the gate decides by itself (plain TCP) and what
// the service does (versions) is about the same program, also when that has been
// replaced while it runs, and when the service has not seen it before.
func TestGateAndServiceAgree(t *testing.T) {
	ssatest.Need(t, "perl")
	w := newWorld(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	perl, err := exec.LookPath("perl")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(perl)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	install := func() {
		if err := os.WriteFile(program+".new", data, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(program+".new", program); err != nil {
			t.Fatal(err)
		}
	}
	install()
	text, err := os.ReadFile(w.policy)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, strings.Replace(string(text), "default: {", "default: {plain_tcp: deny, ", 1)+
		fmt.Sprintf("profiles: [{name: program, match: {exe: %q}, plain_tcp: allow, versions: {max: \"1.2\"}}]\n", program))
	s := w.service(t)
	secure, plain := w.network.Listen(t), (&peer.Network{}).Listen(t)
	go secure.ServeEcho()
	start := func() (ask func(want, when string)) {
		cmd := ssatest.Run{Service: w.socket}.Command(t, program, "-e", asked, fmt.Sprint(plain.Port()),
			fmt.Sprint(secure.Port()))
		in, out := converse(t, cmd)
		lines := bufio.NewReader(out)
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		return func(want, when string) {
			t.Helper()
			got := ""
			for range 1000 { // what was known of a program holds for a moment
				fmt.Fprintln(in)
				if got, err = lines.ReadString('\n'); err != nil || got == want+"\n" {
					break
				}
			}
			if err != nil || got != want+"\n" {
				t.Errorf("%s: got %q, %v; want %q", when, got, err, want)
			}
		}
	}
	const profile, fallback = "plain, 303", "Operation not permitted, 304"
	first := start()
	first(profile, "the program")
	install()
	first(profile, "replaced while it runs")
	second := start()
	second(profile, "its successor")
	install()
	second(profile, "replaced while it runs, and seen before")
	first(profile, "replaced twice")
	s.Kill()
	w.service(t)
	first(fallback, "a file that this service has not seen there")
	start()(profile, "the program of now")
}

// TestOtherFiles: a program whose file is not the machine's works with the
// default, whether the gate is in its namespace or outside.
func TestOtherFiles(t *testing.T) {
	ssatest.Need(t, "perl", "unshare", "mount")
	if err := exec.Command("unshare", "-Urm", "true").Run(); err != nil {
		ssatest.Missing(t, "user namespaces: "+err.Error())
	}
	w := newWorld(t)
	perl, err := exec.LookPath("perl")
	if err == nil {
		perl, err = filepath.EvalSymlinks(perl)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(w.policy)
	if err != nil {
		t.Fatal(err)
	}
	// The user is one that a container need not know.
	w.write(t, string(text)+fmt.Sprintf("profiles: [{name: p, match: {exe: %q, user: %d}, versions: {max: \"1.2\"}}, {name: q, match: {exe: /bin/other, user: nobody}}]\n", perl, os.Getuid()))
	w.service(t)
	l, plain := w.network.Listen(t), (&peer.Network{}).Listen(t)
	go l.ServeEcho()
	dir := t.TempDir()
	copied := fmt.Sprintf(`mount -t tmpfs none %s && cp %s %[1]s/p && mount --bind %[1]s/p %[2]s && mount --bind /dev/null /etc/passwd && exec "$@"`, dir, perl)
	program := []string{perl, "-e", asked, fmt.Sprint(plain.Port()), fmt.Sprint(l.Port())}
	inside := append([]string{"-Urm", "sh", "-c", copied, "sh"}, program...)
	run := ssatest.Run{Service: w.socket}
	gate := run.Command(t, program[0], program[1:]...)
	for what, cmd := range map[string]*exec.Cmd{
		"303 outside":         run.Command(t, program[0], program[1:]...),
		"304 gate outside it": run.Command(t, "unshare", inside...),
		"304 gate inside it": exec.Command("unshare", append([]string{"-Urm", "sh", "-c", copied, "sh"},
			gate.Args...)...),
	} {
		cmd.Stdin, cmd.Stderr = strings.NewReader("\n"), nil
		version, _, _ := strings.Cut(what, " ")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "here\nplain, "+version+"\n" {
			t.Errorf("%s: it printed %q, %v", what, out, err)
		}
	}
}

// TestBorrowedGroup: a set-group-ID program lends nobody its group.
func TestBorrowedGroup(t *testing.T) {
	ssatest.NeedRoot(t, "only root can be two users")
	const user, group = 48731, 48799
	w := newWorld(t)
	if err := os.Chmod(filepath.Dir(w.socket), 0o755); err != nil {
		t.Fatal(err)
	}
	w.service(t)
	l := w.network.Listen(t)
	go l.ServeEcho()
	for gid, want := range map[uint32]string{user: "echo hello", group: "its own groups only"} {
		cmd := exec.Command("sleep", "1000")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: gid}}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		got := w.asCaller(t, user, l.Port(), cmd.Process.Pid)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if !strings.Contains(got, want) {
			t.Errorf("for a process of group %d: got %q, want %q in it", gid, got, want)
		}
	}
}

// TestRootInANamespace: a process of root that has entered a user namespace lends
// nothing to whoever has made that.
func TestRootInANamespace(t *testing.T) {
	ssatest.NeedRoot(t, "only root can be two users")
	ssatest.Need(t, "nsenter", "unshare", "cat")
	const user = 48731
	w := newWorld(t)
	if err := os.Chmod(filepath.Dir(w.socket), 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(w.policy)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, string(text)+"profiles: [{name: r, match: {user: root}, versions: {max: \"1.2\"}}]\n")
	w.service(t)
	l := w.network.Listen(t)
	go l.ServeEcho()
	// Both say that they are there, and stay until their input ends.
	start := func(c *syscall.Credential, name string, args ...string) int {
		cmd := exec.Command(name, append(args, "sh", "-c", "echo here; exec cat")...)
		cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: c}
		_, out := converse(t, cmd)
		said := make([]byte, 5)
		if _, err := io.ReadFull(out, said); err != nil {
			ssatest.Missing(t, "user namespaces: "+name+" says nothing")
		}
		return cmd.Process.Pid
	}
	maker := start(&syscall.Credential{Uid: user, Gid: user}, "unshare", "-U", "-r")
	root := start(nil, "nsenter", "--preserve-credentials", "-U", "-t", fmt.Sprint(maker))
	for uid, want := range map[int]string{0: "version 0x303", user: "version 0x304"} {
		if got := w.asCaller(t, uid, l.Port(), root); !strings.Contains(got, want) {
			t.Errorf("for user %d: got %q, want %q in it", uid, got, want)
		}
	}
}

// converse starts a program that ends with its input.
func converse(t *testing.T, cmd *exec.Cmd) (in io.Writer, out io.Reader) {
	t.Helper()
	w, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		_ = cmd.Wait()
	})
	return w, r
}
