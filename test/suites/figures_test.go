//go:build suites

package suites

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the figures of what has run into docs/conformance.md")

const pagePath = "../../docs/conformance.md"

// figuresTitle begins the part of the page that is ours; the rest is
// test/differential's, which keeps this part as it is.
const figuresTitle = "## Other people's test suites\n"

const figuresHead = figuresTitle + `
Written by ` + "`make test-suites SUITES=-update`" + `, which runs them natively, and below ` + "`ssa run`" + ` with every TCP socket a TLS
socket; ` + "`SSA_SUITES=\"test_asyncio net\"`" + ` in the environment picks some. Counted are cases; skipped ones are not. *excluded*:
cases that pass natively and may fail over TLS, each with its reason in test/suites/excluded_test.go; some pass at times.
What fails natively is not judged. Debian has neither Perl's nor Ruby's own tests of sockets in a binary package, nor
libuv's or libevent's: they are not run.

| suite | of | natively: passed | failed | over TLS: passed | failed | excluded |
| --- | --- | --- | --- | --- | --- | --- |
`

// figures is a row of the table.
type figures struct {
	native, over outcomes
	excluded     int
}

func (f figures) row(s suite, version string) string {
	np, nf := f.native.count()
	op, of := f.over.count()
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %d |\n", s.name, version, np, nf, op, of, f.excluded)
}

// excludedOf counts the cases of a suite that are excluded.
func excludedOf(name string) (n int) {
	for key := range excluded {
		if strings.HasPrefix(key, name+" ") {
			n++
		}
	}
	return n
}

// writeFigures puts the rows, by suite, into the page. The rows of suites that
// have not run stay.
func writeFigures(t *testing.T, fresh map[string]string) {
	t.Helper()
	page, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	before, old, _ := bytes.Cut(page, []byte("\n"+figuresTitle))
	var out bytes.Buffer
	out.Write(before)
	out.WriteString("\n" + figuresHead)
	for _, s := range suites() {
		out.WriteString(rowOf(s.name, fresh, string(old)))
	}
	if err := os.WriteFile(pagePath, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rowOf is a suite's row: the fresh one, or the old one, if there is any.
func rowOf(name string, fresh map[string]string, old string) string {
	if row, ok := fresh[name]; ok {
		return row
	}
	for line := range strings.Lines(old) {
		if strings.HasPrefix(line, "| "+name+" |") {
			return line
		}
	}
	return ""
}
