package houserules_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestProseIsWrapped: text is read in terminals and in diffs. Tables, code, titles
// and pictures keep their lines, and so does a word that is too long by itself.
func TestProseIsWrapped(t *testing.T) {
	found := 0
	walk(t, func(name string) {
		if !strings.HasSuffix(name, ".md") {
			return
		}
		found++
		fenced := false
		for i, line := range strings.Split(string(read(t, name)), "\n") {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			code := fenced || strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
			if code || strings.HasPrefix(line, "|") || strings.HasPrefix(line, "#") ||
				strings.HasPrefix(line, "![") || len(strings.Fields(line)) < 2 {
				continue
			}
			if n := utf8.RuneCountInString(line); n > ssatest.PageWidth {
				t.Errorf("%s:%d has %d characters: wrap it at %d", name, i+1, n, ssatest.PageWidth)
			}
		}
	})
	if found == 0 {
		t.Fatal("no page found: the test looks in the wrong place")
	}
}

// TestPagesSayForWhom: who opens a page of docs learns from its first paragraph
// whether to read on.
func TestPagesSayForWhom(t *testing.T) {
	found := 0
	walk(t, func(name string) {
		if !strings.HasPrefix(name, "docs/") || !strings.HasSuffix(name, ".md") {
			return
		}
		found++
		title, rest, _ := strings.Cut(string(read(t, name)), "\n")
		said := strings.HasPrefix(rest, "\nFor ") || strings.HasPrefix(rest, "\nThis page is for ")
		if !strings.HasPrefix(title, "# ") || !said {
			t.Errorf("%s: after its title, a page says for whom it is: \"For administrators who ...\"", name)
		}
	})
	if found == 0 {
		t.Fatal("no page found: the test looks in the wrong place")
	}
}
