package houserules_test

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestFilesAreText: what cannot be read cannot be reviewed.
func TestFilesAreText(t *testing.T) {
	const largest = 256 << 10
	walk(t, func(name string) {
		text := read(t, name)
		if len(text) > largest {
			t.Errorf("%s has %d bytes: too large to be source", name, len(text))
		}
		if bytes.IndexByte(text, 0) >= 0 && !strings.Contains(name, "testdata/") {
			t.Errorf("%s is binary", name)
		}
	})
}

var (
	require = regexp.MustCompile(`(?m)^(?:require)?\s+([\w.\-/]+\.[\w.\-/]+) v\S+$`)
	link    = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
)

// TestDependenciesAreExplained: each one is code that we answer for.
func TestDependenciesAreExplained(t *testing.T) {
	page := string(read(t, "docs/dependencies.md"))
	found := require.FindAllStringSubmatch(string(read(t, "go.mod")), -1)
	if len(found) == 0 {
		t.Fatal("no direct dependency found in go.mod: the pattern no longer fits")
	}
	for _, m := range found {
		if !strings.Contains(page, "`"+m[1]+"`") {
			t.Errorf("go.mod requires %s, docs/dependencies.md does not say why", m[1])
		}
	}
}

// TestLinks: a page that leads nowhere is worse than none.
func TestLinks(t *testing.T) {
	walk(t, func(name string) {
		if !strings.HasSuffix(name, ".md") {
			return
		}
		for _, m := range link.FindAllSubmatch(read(t, name), -1) {
			target := string(m[1])
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, path.Dir(name), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, target)
			}
		}
	})
}
