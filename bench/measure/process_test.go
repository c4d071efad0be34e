//go:build linux

package measure

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Process
		fails      bool
	}{
		{name: "plain", text: "42 (nginx) S 7 1 1 0 -1 4194560 1 0 0 0 12 30 5 6 20 0 1 0 9",
			want: Process{PID: 42, Parent: 7, CPU: 420 * time.Millisecond}},
		{name: "a name with everything", text: "42 (a) R 1) (b) S 7 1 1 0 -1 4194560 1 0 0 0 1 0 5 6 20 0 1 0 9",
			want: Process{PID: 42, Parent: 7, CPU: 10 * time.Millisecond}},
		{name: "cut", text: "42 (nginx) S 7 1 1", fails: true},
		{name: "no name", text: "42 nginx S 7", fails: true},
		{name: "empty", text: "", fails: true},
		{name: "no number", text: "42 (x) S 7 1 1 0 -1 4194560 1 0 0 0 x 30 5 6 20", fails: true},
	} {
		got, err := parseStat([]byte(c.text))
		if (err != nil) != c.fails {
			t.Errorf("%s: error %v", c.name, err)
		}
		if !c.fails && got != c.want {
			t.Errorf("%s: %+v, not %+v", c.name, got, c.want)
		}
	}
}

func TestParseBusy(t *testing.T) {
	got, err := parseBusy([]byte("cpu  100 10 50 9999 888 2 3 77 5 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"))
	if want := 1650 * time.Millisecond; err != nil || got != want {
		t.Errorf("%v, %v, not %v", got, err, want)
	}
	if _, err := parseBusy([]byte("cpu 1 2\n")); err == nil {
		t.Error("a line without its fields was understood")
	}
}

func TestParsePSS(t *testing.T) {
	got, err := parsePSS([]byte("5581 [rollup]\nRss:    900 kB\nPss:    123 kB\nPss_Dirty: 1 kB\n"))
	if err != nil || got != 123<<10 {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := parsePSS([]byte("Rss: 1 kB\n")); err == nil {
		t.Error("a file without Pss was understood")
	}
}

func TestParseKernel(t *testing.T) {
	got, err := parseKernel([]byte("MemTotal: 9 kB\nSlab:    100 kB\nKernelStack:  10 kB\nPageTables:   1 kB\nSecPageTables: 5 kB\n"))
	if err != nil || got != 111<<10 {
		t.Errorf("%d, %v", got, err)
	}
	for _, text := range []string{"Slab: 1 kB\n", "Slab: x kB\nKernelStack: 1 kB\nPageTables: 1 kB\n"} {
		if _, err := parseKernel([]byte(text)); err == nil {
			t.Errorf("%q was understood", text)
		}
	}
	if bytes, err := Kernel(); err != nil || bytes < 1<<20 {
		t.Errorf("this kernel takes %d bytes, %v", bytes, err)
	}
}

// TestOwn looks at this process and a child, whose parent, program and memory are known.
func TestOwn(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	tree, err := Tree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if tree[0].PID != os.Getpid() {
		t.Errorf("the first of the tree is %d, not the root %d", tree[0].PID, os.Getpid())
	}
	found := false
	for _, p := range tree {
		found = found || p.PID == cmd.Process.Pid && p.Parent == os.Getpid()
	}
	if !found {
		t.Errorf("the child %d is not in %+v", cmd.Process.Pid, tree)
	}
	if exe, err := os.Executable(); err == nil && !strings.HasSuffix(tree[0].Exe, exe) {
		t.Errorf("this program is %q, not %q", tree[0].Exe, exe)
	}
	if bytes, err := Memory(os.Getpid()); err != nil || bytes < 100<<10 {
		t.Errorf("this process takes %d bytes, %v", bytes, err)
	}
	if _, err := Tree(1 << 30); err == nil {
		t.Error("a process that is not there has a tree")
	}
}
