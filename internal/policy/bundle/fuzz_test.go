package bundle

import (
	"io/fs"
	"reflect"
	"syscall"
	"testing"
	"testing/fstest"
)

// plainFiles is a Source of memory.
type plainFiles struct{ fstest.MapFS }

func (plainFiles) RealPath(path string) (string, error) { return path, syscall.ENOENT }

func FuzzDecode(f *testing.F) {
	r := NewRecorder(plainFiles{fstest.MapFS{"etc/a": {Data: []byte("text"), Mode: 0o640},
		"etc/b/c": {}}})
	_, _ = fs.ReadFile(r, "etc/a")
	_, _ = fs.ReadFile(r, "etc/none")
	_, _ = r.Stat("etc/a")
	_, _ = r.ReadDir("etc")
	_, _ = r.RealPath("/etc/a")
	f.Add(r.Encode())
	f.Add([]byte(magic))
	f.Add([]byte(magic + "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Decode(data)
		if err != nil {
			if b != nil {
				t.Fatal("a bundle with an error")
			}
			return
		}
		again, err := Decode(encode(b.records, len(data)))
		if err != nil {
			t.Fatalf("what was decoded is not encoded right: %v", err)
		}
		if !reflect.DeepEqual(b.records, again.records) {
			t.Fatal("encoding and decoding changes a bundle")
		}
	})
}
