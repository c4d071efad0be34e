//go:build linux

// Package pkcs11 tests servers whose key is on a token: SoftHSM 2, through
// `ssa daemon` and ssa-pkcs11, with real clients.
package pkcs11

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// module is where Debian has SoftHSM.
const module = "/usr/lib/softhsm/libsofthsm2.so"

// token is a new token with a PIN, and where ssa finds it.
type token struct{ dir, pin string }

// newToken makes a token. Programs that the test starts find it in their
// environment.
func newToken(t *testing.T) *token {
	t.Helper()
	ssatest.Need(t, "softhsm2-util", "pgrep")
	dir := shortDir(t)
	k := &token{dir, filepath.Join(dir, "pin")}
	conf := filepath.Join(dir, "softhsm2.conf")
	write(t, conf, "directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n")
	write(t, k.pin, "87654321\n")
	t.Setenv("SOFTHSM2_CONF", conf)
	k.util(t, "--init-token", "--free", "--label", "ssa", "--so-pin", "12345678", "--pin", "87654321")
	return k
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (k *token) util(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("softhsm2-util", args...).CombinedOutput(); err != nil {
		t.Fatalf("softhsm2-util %v: %v\n%s", args, err, out)
	}
}

// add puts the key of a certificate on the token and returns its URI.
func (k *token) add(t *testing.T, name string, issued *ssatest.Issued) string {
	t.Helper()
	k.util(t, "--import", issued.KeyFile(t), "--token", "ssa", "--label", name, "--id",
		fmt.Sprintf("%x", name), "--pin", "87654321")
	return k.uri(name, k.pin)
}

func (k *token) uri(name, pin string) string {
	return fmt.Sprintf("pkcs11:token=ssa;object=%s;type=private?pin-source=%s&module-path=%s", name, pin, module)
}

// helper builds ssa-pkcs11 beside ssa.
func helper(t *testing.T) {
	t.Helper()
	ssatest.Artifact(t, "ssa-pkcs11", func(out string) error {
		ssatest.Need(t, "cc")
		cmd := exec.Command("go", "build", "-buildvcs=false", "-o", out, "github.com/secure-socket-api/ssa/cmd/ssa-pkcs11")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building ssa-pkcs11: %w\n%s", err, text)
		}
		return nil
	})
}
