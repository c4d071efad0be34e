// Package man_test proves that the manual pages are well formed and say what
// the contract's table and the policy's keys say. It holds no other code.
package man_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/policy"
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
	kind := map[abi.Kind]string{abi.String: "string", abi.PEMOrPath: "PEM or path", abi.Int: "int",
		abi.Uint64: "uint64_t"}[info.Kind]
	moment := map[abi.Moment]string{
		abi.BeforeConnect: "before connect", abi.BeforeUse: "before connect or listen",
		abi.BeforeListen: "before listen",
		abi.Connected:    "when connected", abi.Any: "at any time",
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

var keyItem = regexp.MustCompile(`(?m)^\.It Ic ([a-z_0-9]+(?:\.[a-z_0-9]+)?)$`)

// TestPolicyKeys compares the keys of ssa-policy.5 with the code's.
func TestPolicyKeys(t *testing.T) {
	text, err := os.ReadFile("ssa-policy.5")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), ".Ss Keys\n")
	if !ok {
		t.Fatal("ssa-policy.5 has no section of keys")
	}
	var got, want []string
	for _, m := range keyItem.FindAllStringSubmatch(section, -1) {
		got = append(got, m[1])
	}
	for _, s := range policy.Builtin().Default().Settings() {
		want = append(want, s.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("ssa-policy.5 has the keys\n\t%v\nand the code\n\t%v", got, want)
	}
}

// TestPolicyExample loads the example of ssa-policy.5.
func TestPolicyExample(t *testing.T) {
	text, err := os.ReadFile("ssa-policy.5")
	if err != nil {
		t.Fatal(err)
	}
	_, example, ok := strings.Cut(string(text), ".Bd -literal -offset indent\n")
	example, _, ends := strings.Cut(example, ".Ed\n")
	if !ok || !ends {
		t.Fatal("ssa-policy.5 has no example")
	}
	// What stands for files and users of another machine.
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"www.example"}})
	example = strings.NewReplacer("/etc/ssa/corporate.pem", authority.File(t), "www-data", "33",
		"/etc/ssa/keys/www.pem", issued.ChainFile(t), "/etc/ssa/keys/www.key",
		issued.KeyFile(t)).Replace(example)
	if p, err := policy.Parse("/etc/ssa/policy.yaml", []byte(example)); err != nil ||
		len(p.Profiles()) != 2 {
		t.Errorf("the example does not load: %v\n%s", err, example)
	}
}
