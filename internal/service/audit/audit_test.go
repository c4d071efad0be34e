package audit_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/service/audit"
	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func refusal(uid uint32, id uint64) registry.Refusal {
	return registry.Refusal{ID: id, What: registry.ByPolicy, Sentence: "no\nreally",
		Position: "policy.yaml:1:2", Peer: "192.0.2.1:443",
		Program: registry.ProgramInfo{UID: uid, PID: 7, Exe: "/usr/bin/curl"}}
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := audit.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// lines reads a log.
func lines(t *testing.T, path string) (out []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		out = append(out, m)
	}
	return out
}

// TestLegible: nothing in a line is for the terminal of who reads it.
func TestLegible(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := audit.New(audit.Config{})
	l.SetFile(open(t, path))
	f := refusal(1000, 5)
	f.Name, f.Program.Exe = "a\u009b2Jb", "/tmp/\u202ex"
	l.Refusal(f)
	l.Close()
	text, err := os.ReadFile(path)
	if err != nil || strings.ContainsAny(string(text), "\u009b\u202e") {
		t.Errorf("the log is %q, %v", text, err)
	}
	if got := lines(t, path); len(got) != 1 || got[0]["name"] != f.Name {
		t.Errorf("the log has %v", got)
	}
}

func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := audit.New(audit.Config{})
	l.Refusal(refusal(1000, 5)) // waits for the file
	l.SetFile(open(t, path))
	l.Event("key-log-on", "root did")
	l.Close()
	got := lines(t, path)
	if len(got) != 2 {
		t.Fatalf("the log has %v", got)
	}
	program, _ := got[0]["program"].(map[string]any)
	if got[0]["event"] != "refused" || got[0]["id"] != 5.0 || got[0]["what"] != "policy" ||
		got[0]["sentence"] != "no\nreally" ||
		got[0]["position"] != "policy.yaml:1:2" || program["exe"] != "/usr/bin/curl" ||
		program["uid"] != 1000.0 || program["pid"] != 7.0 {
		t.Errorf("a refusal is %v", got[0])
	}
	if got[1]["event"] != "key-log-on" || got[1]["time"] == nil {
		t.Errorf("an event is %v", got[1])
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := audit.New(audit.Config{})
	l.SetFile(open(t, path))
	l.Refusal(refusal(1, 1))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for id := range uint64(50) {
			l.Refusal(refusal(1, id+2))
		}
	})
	wg.Go(func() { l.SetFile(open(t, path)) })
	wg.Wait()
	l.Refusal(refusal(1, 99))
	l.Close()
	old, fresh := lines(t, path+".1"), lines(t, path)
	if len(old)+len(fresh) != 52 || len(fresh) == 0 || fresh[len(fresh)-1]["id"] != 99.0 {
		t.Errorf("%d lines in the old file, %d in the new one", len(old), len(fresh))
	}
}

// One user's flood is cut short and counted; others are heard.
func TestFlood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	var mu sync.Mutex
	now := time.Unix(1e9, 0)
	l := audit.New(audit.Config{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	l.SetFile(open(t, path))
	for range 500 {
		l.Refusal(refusal(1, 1))
	}
	l.Refusal(refusal(2, 2))
	mu.Lock()
	now = now.Add(time.Second)
	mu.Unlock()
	for range 21 {
		l.Refusal(refusal(1, 3))
	}
	l.Close()
	count := map[any]int{}
	var left []any
	for _, line := range lines(t, path) {
		count[line["id"]]++
		if line["event"] == "left-out" {
			left = append(left, line["count"])
		}
	}
	if count[1.0] != 200 || count[2.0] != 1 || count[3.0] != 20 || len(left) != 2 ||
		left[0] != 300.0 || left[1] != 1.0 {
		t.Errorf("lines by id %v, left out %v", count, left)
	}
}

func TestNoRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := audit.New(audit.Config{})
	for range 1100 {
		l.Event("x", "")
	}
	l.SetFile(open(t, path))
	ssatest.Await(t, "what waited is written", func() bool {
		text, err := os.ReadFile(path) // the last line may not be whole yet
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n") >= 1024
	})
	l.Event("y", "")
	l.Close()
	got := lines(t, path)
	if n := len(got); n != 1026 || got[1024]["event"] != "lost" || got[1024]["count"] != 76.0 ||
		got[1025]["event"] != "y" {
		t.Errorf("%d lines, the last %v", n, got[len(got)-2:])
	}
}

func TestProblemIsToldOnce(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	told := make(chan error, 10)
	l := audit.New(audit.Config{Problem: func(err error) { told <- err }})
	l.SetFile(writer)
	l.Event("x", "")
	if err := <-told; !strings.Contains(err.Error(), "audit log") {
		t.Errorf("told %v", err)
	}
	l.Event("y", "")
	l.Close()
	if len(told) != 0 {
		t.Errorf("told again: %v", <-told)
	}
}

// What a full disk did not take is counted, in the file that takes the place.
func TestLostIsCounted(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		ssatest.Missing(t, "a device that is always full: "+err.Error())
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	told := make(chan error, 10)
	l := audit.New(audit.Config{Problem: func(err error) { told <- err }})
	l.SetFile(full)
	l.Event("x", "")
	<-told
	const more = 75
	for range more {
		l.Event("x", "")
		runtime.Gosched() // some are written alone, and each is lost
	}
	l.SetFile(open(t, path))
	l.Event("y", "")
	l.Close()
	l.Event("z", "") // too late, and no harm
	l.SetFile(open(t, path))
	lost, written, y := 0.0, 0.0, 0
	for _, line := range lines(t, path) {
		switch n, _ := line["count"].(float64); line["event"] {
		case "lost":
			lost += n
		case "x": // it waited until the other file was there
			written++
		case "y":
			y++
		}
	}
	if lost+written != more+1 || lost == 0 || y != 1 {
		t.Errorf("of %d lines %v are there and %v told as lost; there are %d of what came later", more+1, written, lost, y)
	}
}

// Who speaks for others uses up what he may write himself, not what they may.
func TestFloodOfImpersonation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := audit.New(audit.Config{Now: func() time.Time { return time.Unix(1e9, 0) }})
	l.SetFile(open(t, path))
	for range 500 {
		f := refusal(1, 1)
		f.What, f.Caller = registry.Impersonation, 3
		l.Refusal(f)
	}
	l.Refusal(refusal(1, 2))
	l.Close()
	count := map[any]int{}
	for _, line := range lines(t, path) {
		if count[line["id"]]++; line["event"] == "left-out" && line["uid"] != 3.0 {
			t.Errorf("lines of user %v are left out", line["uid"])
		}
	}
	if count[1.0] != 200 || count[2.0] != 1 {
		t.Errorf("lines by id %v", count)
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o622); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{open, link, dir, os.DevNull, filepath.Join(dir, "no", "where")} {
		if f, err := audit.Open(path); err == nil {
			f.Close()
			t.Errorf("%s was opened", path)
		}
	}
}
