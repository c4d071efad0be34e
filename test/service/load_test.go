//go:build linux

package service

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/programs"
)

// exchange is a program whose threads send numbers to an echo server, over one
// connection after the other, until told to end. A connection that is reset,
// or not made for want of the service, is one to do again; one that ends
// early or brings other bytes is lost.
const exchange = `
import threading
port, threads, size = int(args[0]), int(args[1]), int(args[2])
mu, over, count = threading.Lock(), threading.Event(), {"done": 0, "broken": 0, "lost": 0}

def one(seed):
    data = b"".join(struct.pack("!II", seed, i) for i in range(size // 8))
    try:
        s = tls()
        put(s, NAME, "a.example")
        s.connect(("127.0.0.1", port))
        told = []
        sender = threading.Thread(target=send, args=(s, data, told))
        sender.start()
        got = bytearray()
        try:
            while part := s.recv(65536):
                got += part
        finally:
            sender.join()
            s.close()
        if bytes(got) == data:
            return "done"
        return "broken" if told else "lost"
    except OSError as e:
        if e.errno in (errno.ECONNRESET, errno.ENETDOWN, errno.EPIPE):
            return "broken"
        raise

def send(s, data, told):
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except OSError as e:
        told.append(e) # an error is told once, to who asks first, as by TCP

def work(n):
    seed = n << 20
    while not over.is_set():
        seed += 1
        result = one(seed)
        with mu:
            count[result] += 1
        if result == "lost":
            say("lost", seed)
        if result == "broken":
            time.sleep(0.01)

workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
for w in workers:
    w.start()
def progress(want):
    while True:
        with mu:
            if count["done"] >= want or count["lost"]:
                return count["done"]
        time.sleep(0.01)
for line in sys.stdin:
    if line.strip() == "end":
        break
    say("@done", progress(count["done"] + threads))
over.set()
for w in workers:
    w.join()
say("lost", count["lost"], "broken", count["broken"] > 0)
`

// load starts the exchange, and returns how to wait until each thread has done
// a connection more.
func (w *world) load(t *testing.T) (p *programs.Process, more func()) {
	t.Helper()
	l := w.network.Listen(t)
	go l.ServeEcho()
	p = w.python(t, nil, exchange, l.Port(), 4, 1<<20)
	return p, func() {
		t.Helper()
		p.GoOn()
		if n, err := strconv.Atoi(p.Wait("done")); err != nil || n == 0 {
			t.Fatalf("the program has done %d exchanges (%v)", n, err)
		}
	}
}

// wantLost ends the exchange, and fails the test unless nothing was lost and
// connections were broken as told.
func wantLost(t *testing.T, p *programs.Process, broken string) {
	t.Helper()
	p.Input("end\n")
	wantTranscript(t, p, "lost 0 broken "+broken)
}

// TestReloadUnderLoad: a new policy, good or bad, drops nothing.
func TestReloadUnderLoad(t *testing.T) {
	const wrong = "nonsense"
	w := newWorld(t)
	s := w.service(t)
	p, more := w.load(t)
	good, err := os.ReadFile(w.policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(good) + "# again\n",
		"default: {versions: {min: " + wrong + "}}\n",
		strings.Replace(string(good), "default: {", `default: {versions: {min: "1.3"}, `, 1),
		string(good)} {
		more()
		before := strings.Count(s.Said(), "reloaded")
		w.write(t, text)
		if err := s.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		// The change of the file may have been noticed as well as the signal.
		told := func() bool {
			if strings.Contains(text, wrong) {
				return strings.Contains(s.Said(), wrong)
			}
			return strings.Count(s.Said(), "reloaded") > before
		}
		ssatest.Await(t, "the service tells of the reload", told)
	}
	more()
	wantLost(t, p, "False")
}

// TestUpgradeUnderLoad: a new service takes over, the old one serves its
// connections until they end and then ends itself; nothing is dropped.
func TestUpgradeUnderLoad(t *testing.T) {
	w := newWorld(t)
	s := w.service(t)
	p, more := w.load(t)
	for range 3 {
		more()
		next := w.service(t, "--replace")
		<-s.Ended
		if code := s.Cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("the old service ended with status %d:\n%s", code, s.Said())
		}
		s = next
	}
	more()
	wantLost(t, p, "False")
}

// TestUpgradeKeepsServers: a connection made before an upgrade goes on in the
// old service while new clients are served by the new one.
func TestUpgradeKeepsServers(t *testing.T) {
	w := newWorld(t)
	old := w.service(t)
	p := w.python(t, nil, `
s = listen(tls())
a, _ = s.accept()
say(a.recv(10))
say("@accepted")
b, _ = s.accept()
say(b.recv(10))
say("@both")
say(a.recv(10), b.recv(10))
`)
	port := p.Port()
	a := w.network.Dial(t, port)
	a.Say("old")
	p.Wait("accepted")
	w.service(t, "--replace")
	b := w.network.Dial(t, port)
	b.Say("new")
	p.Wait("both")
	select {
	case <-old.Ended:
		t.Errorf("the old service has ended under its connection:\n%s", old.Said())
	default:
	}
	a.Say("still old")
	b.Say("still new")
	wantTranscript(t, p, "b'old'", "b'new'", "b'still old' b'still new'")
	<-old.Ended
}

// TestKillsUnderLoad: a service that is killed breaks what it was doing, and
// says so; no exchange ends silently with less than there was.
func TestKillsUnderLoad(t *testing.T) {
	w := newWorld(t)
	s := w.service(t)
	p, more := w.load(t)
	for range 3 {
		more()
		s.Kill()
		s = w.service(t)
	}
	more()
	wantLost(t, p, "True")
}

// TestSecondService: a service does not push another one aside unasked.
func TestSecondService(t *testing.T) {
	w := newWorld(t)
	w.service(t)
	out, err := exec.Command(ssatest.SSA(t), "daemon", "--socket", w.socket, "--policy",
		w.policy).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--replace") {
		t.Errorf("a second service ended with %v and said\n%s\nwanted a hint at --replace", err, out)
	}
}
