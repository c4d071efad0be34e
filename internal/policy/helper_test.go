package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

// testLoader returns a loader that obeys every key and sees only the given
// files, besides the accounts root and alice.
func testLoader(files fstest.MapFS) *loader {
	l := newLoader()
	all := fstest.MapFS{
		"etc/passwd": {Data: []byte("root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n")},
		"etc/group":  {Data: []byte("root:x:0:\nstaff:x:50:alice\n")},
	}
	for name, file := range files {
		all[name] = file
	}
	l.files = all
	l.realPath = func(path string) (string, error) {
		switch path {
		case "/bin":
			return "/usr/bin", nil
		case "/usr/bin/nc":
			return "/usr/bin/nc.openbsd", nil
		case "/gone":
			return "", fs.ErrNotExist
		case "/loop":
			return "", errors.New("too many links")
		}
		return path, nil
	}
	return l
}

// parseAll loads one file with a testLoader.
func parseAll(text string) (*Policy, error) {
	l := testLoader(nil)
	l.decode("/etc/ssa/policy.yaml", []byte(text))
	return l.finish()
}

// mustParse is parseAll for a text that must be accepted.
func mustParse(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := parseAll(text)
	if err != nil {
		t.Fatalf("policy not accepted:\n%s\n%v", text, err)
	}
	return p
}

// sameSettings compares two values key by key, but for where they were set.
func sameSettings(t *testing.T, got, want *Effective) {
	t.Helper()
	a, b := got.Settings(), want.Settings()
	for i := range a {
		if a[i].Value != b[i].Value {
			t.Errorf("%s is %s, want %s", a[i].Key, a[i].Value, b[i].Value)
		}
	}
	if got.RootsFrom != want.RootsFrom ||
		(got.Anchors.system == nil) != (want.Anchors.system == nil) ||
		len(got.Anchors.fixed) != len(want.Anchors.fixed) {
		t.Errorf("anchors are from %s, want %s", got.RootsFrom, want.RootsFrom)
	}
}

// manyLines repeats a line with numbers.
func manyLines(format string, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, format, i)
	}
	return text.String()
}

func validUTF8(texts ...string) bool {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return false
		}
	}
	return true
}
