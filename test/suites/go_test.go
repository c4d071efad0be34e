//go:build suites

package suites

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

var goPackages = []string{"net", "net/http", "net/http/httptest", "net/rpc", "net/smtp",
	"net/textproto"}

// goSuite is the tests of a package of Go's standard library. Its programs make
// system calls themselves; the library's own hook for them is changed, by an
// overlay, when they are built for TLS.
func goSuite(pkg string) suite {
	return suite{name: pkg, read: readGo, version: goVersion,
		command: func(t *testing.T, tls bool, _ string) *exec.Cmd {
			root := strings.TrimSpace(ssatest.Output(t, exec.Command("go", "env", "GOROOT")))
			name := strings.ReplaceAll(pkg, "/", "-")
			if tls {
				name += "-tls"
			}
			program := ssatest.Artifact(t, name,
				func(out string) error { return buildGo(t, root, pkg, out, tls) })
			cmd := exec.Command(program, "-test.v", "-test.short", "-test.timeout", "8m")
			cmd.Dir, cmd.Env = filepath.Join(root, "src", pkg), os.Environ()
			return cmd
		}}
}

func goVersion(t *testing.T) string {
	return strings.TrimSpace(ssatest.Output(t, exec.Command("go", "env", "GOVERSION")))
}

func buildGo(t *testing.T, root, pkg, out string, tls bool) error {
	args := []string{"test", "-c", "-vet=off", "-o", out}
	if tls {
		overlay, err := hookTLS(t, root)
		if err != nil {
			return err
		}
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the tests of %s: %w\n%s", pkg, err, text)
	}
	return nil
}

// hooks are where package net and its own tests make sockets: what has to be
// there, and what takes its place.
var hooks = []struct{ file, was, is string }{
	{"net/hook_unix.go", " = syscall.Socket\n", " = socketTLS\n"},
	{"net/internal/socktest/sys_unix.go", "syscall.Socket(family, sotype, proto)", "socketTLS(family, sotype, proto)"},
}

// socketTLS makes TLS sockets of what is TCP, and of Multipath TCP, which
// listeners ask for.
const socketTLS = `
func socketTLS(family, sotype, proto int) (int, error) {
	kind := sotype &^ (syscall.SOCK_NONBLOCK | syscall.SOCK_CLOEXEC)
	internet := family == syscall.AF_INET || family == syscall.AF_INET6
	if internet && kind == syscall.SOCK_STREAM && (proto == 0 || proto == syscall.IPPROTO_TCP || proto == 262) {
		proto = 205
	}
	return syscall.Socket(family, sotype, proto)
}
`

// hookTLS makes an overlay in which package net makes TLS sockets.
func hookTLS(t *testing.T, root string) (overlay string, err error) {
	dir := t.TempDir()
	replace := map[string]string{}
	for _, h := range hooks {
		file := filepath.Join(root, "src", h.file)
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("reading a hook of package net: %w", err)
		}
		if !bytes.Contains(text, []byte(h.was)) {
			return "", fmt.Errorf("%s has no hook for socket(2) any more", file)
		}
		text = append(bytes.ReplaceAll(text, []byte(h.was), []byte(h.is)), socketTLS...)
		changed := filepath.Join(dir, filepath.Base(h.file))
		if err := os.WriteFile(changed, text, 0o644); err != nil {
			return "", err
		}
		replace[file] = changed
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o644)
}

var goOutcome = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL): (\S+) \(`)

func readGo(output, _ string) (outcomes, error) {
	got := outcomes{}
	for _, m := range goOutcome.FindAllStringSubmatch(output, -1) {
		got[m[2]] = m[1] == "PASS"
	}
	return got, nil
}

func suites() []suite {
	var all []suite
	for _, module := range pythonModules {
		all = append(all, pythonSuite(module))
	}
	for _, pkg := range goPackages {
		all = append(all, goSuite(pkg))
	}
	return all
}
