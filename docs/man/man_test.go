// Package man_test proves that the manual pages are well formed and say what
// the contract's table says. It holds no other code.
package man_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestLint(t *testing.T) {
	ssatest.Need(t, "mandoc")
	pages, err := filepath.Glob("*.[0-9]")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no manual page found: %v", err)
	}
	for _, page := range pages {
		// References to pages of other packages cannot be resolved everywhere.
		text, err := exec.Command("mandoc", "-Tlint", "-Wwarning", page).CombinedOutput()
		if err != nil || len(text) > 0 {
			t.Errorf("mandoc -Tlint %s: %v\n%s", page, err, text)
		}
	}
}

var item = regexp.MustCompile(`(?m)^\.It Dv (TLS_\w+) Pq (.*)$`)

// TestOptions compares each option's line with the contract's table.
func TestOptions(t *testing.T) {
	text, err := os.ReadFile("tls.7")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, m := range item.FindAllStringSubmatch(string(text), -1) {
		got = append(got, m[1]+": "+m[2])
	}
	for _, info := range abi.Options {
		want = append(want, info.Name+": "+describe(info))
	}
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Fatalf("option %d: tls.7 has\n\t%s\nand the table\n\t%s", i+1, g, w)
		}
	}
}

// describe is the part in parentheses of an option's line.
func describe(info abi.OptionInfo) string {
	kind := map[abi.Kind]string{abi.String: "string", abi.PEMOrPath: "PEM or path", abi.Int: "int", abi.Uint64: "uint64_t"}[info.Kind]
	moment := map[abi.Moment]string{
		abi.BeforeConnect: "before connect", abi.BeforeUse: "before connect or listen", abi.BeforeListen: "before listen",
		abi.Connected: "when connected", abi.Any: "at any time",
	}
	verb, when := "set", info.Set
	if info.Set == abi.Never {
		verb, when = "read", info.Get
	}
	line := fmt.Sprintf("%s; %s %s", kind, verb, moment[when])
	if info.Repeat {
		line += ", repeatable"
	}
	return strings.TrimSpace(line)
}
