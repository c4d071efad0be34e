//go:build linux

// Package programs builds and leads the test programs: programs in several
// languages that know sockets and nothing of TLS beyond <netinet/tls.h>. What
// a program prints is its transcript; lines that start with '@' are its
// conversation with the test.
package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// C builds the C programs, dynamically linked, and returns the path.
func C(t testing.TB) string { return compiled(t, "sock", "gcc") }

// CStatic builds them statically with glibc.
func CStatic(t testing.TB) string { return compiled(t, "sock-static", "gcc", "-static") }

// CMusl builds them statically with musl.
func CMusl(t testing.TB) string { return compiled(t, "sock-musl", "musl-gcc", "-static") }

func compiled(t testing.TB, name, compiler string, flags ...string) string {
	t.Helper()
	ssatest.Need(t, compiler)
	return ssatest.Artifact(t, name, func(out string) error {
		root, err := moduleRoot()
		if err != nil {
			return err
		}
		sources, err := filepath.Glob(filepath.Join(root, "test/programs/c/*.c"))
		if err != nil || len(sources) == 0 {
			return fmt.Errorf("find the sources of %s: %v", name, err)
		}
		args := append([]string{"-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-I",
			filepath.Join(root, "include"), "-o", out}, flags...)
		args = append(append(args, sources...), "-lpthread")
		if text, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("compile %s: %w\n%s", name, err, text)
		}
		return nil
	})
}

// Go builds the program that makes raw system calls from pure Go.
func Go(t testing.TB) string { return ssatest.GoProgram(t, "test/programs/gosock") }

// Script copies a script to where every user may read it.
func Script(t testing.TB, name string) string {
	t.Helper()
	return ssatest.Artifact(t, name, func(out string) error {
		root, err := moduleRoot()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(root, "test/programs/script", name))
		if err != nil {
			return err
		}
		return os.WriteFile(out, text, 0o755)
	})
}

// moduleRoot finds the folder of go.mod above the package under test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d, nil
		}
		if strings.Count(d, "/") <= 1 {
			return "", fmt.Errorf("no go.mod above %s", dir)
		}
	}
}
