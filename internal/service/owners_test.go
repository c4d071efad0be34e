package service

import (
	"testing"
	"testing/fstest"
	"time"
)

// TestOwners: subordinate users are the person's who has them, and a file that
// says nonsense says nothing.
func TestOwners(t *testing.T) {
	now := time.Unix(1e9, 0)
	files := fstest.MapFS{
		"etc/passwd": {Data: []byte("root:x:0:0::/:\nalice:x:1000:1000::/:\nbroken:x\nbob:x:1001:1001::/:\n")},
		"etc/subuid": {Data: []byte("alice:100000:65536\nbob:165536:65536\n# a comment\n1002:300000:10\nnobody-knows:400000:10\nalice:x:9\nalice:0:5000000000\nalice:500000\n"),
			ModTime: now},
	}
	o := &owners{files: files, now: func() time.Time { return now }}
	want := func(uid, owner uint32) {
		t.Helper()
		if got := o.of(uid); got != owner {
			t.Errorf("user %d counts as %d, want %d", uid, got, owner)
		}
	}
	for uid, owner := range map[uint32]uint32{0: 0, 1000: 1000, 5: 5, 99999: 99999, 100000: 1000,
		165535: 1000, 165536: 1001,
		231071: 1001, 231072: 231072, 300009: 1002, 300010: 300010, 400001: 400001,
		4294967295: 4294967295} {
		want(uid, owner)
	}
	files["etc/subuid"] = &fstest.MapFile{Data: []byte("bob:100000:65536\n"),
		ModTime: now.Add(time.Second)}
	want(100000, 1000) // it is looked at again later
	now = now.Add(lookAgain)
	want(100000, 1001)
	want(165536, 165536)
	delete(files, "etc/subuid")
	now = now.Add(lookAgain)
	want(100000, 100000)
}
