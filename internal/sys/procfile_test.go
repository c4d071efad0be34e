package sys

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReadProc(t *testing.T) {
	want, err := os.ReadFile("/proc/self/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ReadProc("/proc/self/cmdline", 1<<20); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, size := range []int{0, 1, 4095, 4096, 4097, 100000} {
		path := filepath.Join(t.TempDir(), "file")
		want := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadProc(path, 1<<20); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
	for _, limit := range []int{1, 4095, 4096, 4097, 10000} {
		if got, err := ReadProc("/dev/zero", limit); err != nil || len(got) != limit {
			t.Errorf("the first %d bytes: got %d, %v", limit, len(got), err)
		}
	}
}

func TestReadProcFails(t *testing.T) {
	if _, err := ReadProc("/proc/self/nothing", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := ReadProc("/proc/self", 10); err == nil {
		t.Error("a folder was read")
	}
}
