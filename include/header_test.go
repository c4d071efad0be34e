// Package include_test proves that the public C header says what the
// contract's table says. It holds no other code.
package include_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// want is every number the header has to define, by name.
func want() map[string]int {
	numbers := map[string]int{
		"IPPROTO_TLS":     abi.ProtocolTLS,
		"AF_HOSTNAME":     abi.FamilyHostname,
		"TCP_UPGRADE_TLS": abi.OptionUpgradeTLS,
		"TLS_1_2":         abi.Version12,
		"TLS_1_3":         abi.Version13,
	}
	for _, info := range abi.Options {
		numbers[info.Name] = int(info.Option)
	}
	return numbers
}

var define = regexp.MustCompile(`(?m)^#define\s+((?:TLS|IPPROTO|AF|TCP)_\w+)\s+(0x[0-9a-f]+|\d+)\s*(?:/\*\s*([^*]*?)\s*\*/)?$`)

func TestHeaderMatchesTable(t *testing.T) {
	text, err := os.ReadFile("netinet/tls.h")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	comments := map[string]string{}
	for _, m := range define.FindAllStringSubmatch(string(text), -1) {
		if _, twice := got[m[1]]; twice {
			t.Errorf("%s is defined twice", m[1])
		}
		number, _ := strconv.ParseInt(m[2], 0, 32)
		got[m[1]] = int(number)
		comments[m[1]] = m[3]
	}
	for name, number := range want() {
		if g, ok := got[name]; !ok {
			t.Errorf("%s (%d) is missing", name, number)
		} else if g != number {
			t.Errorf("%s is %d, the table says %d", name, g, number)
		}
	}
	for name := range got {
		if _, ok := want()[name]; !ok {
			t.Errorf("%s is not in the table", name)
		}
	}
	kinds := map[abi.Kind]string{abi.String: "string", abi.PEMOrPath: "PEM or path", abi.Int: "int",
		abi.Uint64: "uint64_t"}
	for _, info := range abi.Options {
		c := comments[info.Name]
		if !strings.HasPrefix(c, kinds[info.Kind]+":") {
			t.Errorf("%s: comment %q does not begin with the value's kind, %q", info.Name, c, kinds[info.Kind])
		}
		if info.Repeat != strings.HasSuffix(c, "repeatable") {
			t.Errorf("%s: comment %q and the table disagree whether it is repeatable", info.Name, c)
		}
	}
}

// TestHeaderCompiles compiles the header in every supported dialect, with
// each number and the layout of the address asserted by the compiler.
func TestHeaderCompiles(t *testing.T) {
	dialects := []struct{ compiler, lang, std string }{
		{"cc", "c", "c89"}, {"cc", "c", "gnu89"}, {"cc", "c", "c99"}, {"cc", "c", "c11"}, {"cc", "c", "c17"},
		{"c++", "c++", "c++98"}, {"c++", "c++", "c++11"}, {"c++", "c++", "c++17"}, {"c++", "c++", "c++20"},
		{"musl-gcc", "c", "c89"}, {"musl-gcc", "c", "c11"},
	}
	source := program()
	for _, d := range dialects {
		t.Run(d.compiler+"/"+d.std, func(t *testing.T) {
			t.Parallel()
			ssatest.Need(t, d.compiler)
			out := filepath.Join(t.TempDir(), "header.o")
			cmd := exec.Command(d.compiler, "-x", d.lang, "-std="+d.std, "-Wall", "-Wextra",
				"-pedantic", "-Werror",
				"-I.", "-c", "-o", out, "-")
			cmd.Stdin = strings.NewReader(source)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", cmd.Args, err, text)
			}
		})
	}
}

// program includes the header first and twice, and refuses to compile when a
// number or a size differs: a false claim is an array of negative size.
func program() string {
	var b bytes.Buffer
	b.WriteString("#include <netinet/tls.h>\n#include <netinet/tls.h>\n#include <stddef.h>\n")
	claim := func(name, expr string) {
		fmt.Fprintf(&b, "extern char claim_%s[(%s) ? 1 : -1];\n", name, expr)
	}
	for name, number := range want() {
		claim(name, fmt.Sprintf("%s == %d", name, number))
	}
	claim("port", "offsetof(struct sockaddr_host, sin_port) == 2")
	claim("name", "offsetof(struct sockaddr_host, sin_addr) == 4")
	claim("room", "sizeof(struct host_addr) == 255")
	claim("fits", "sizeof(struct sockaddr_host) <= 260")
	b.WriteString("extern struct sockaddr_host use_host(void);\n")
	return b.String()
}
