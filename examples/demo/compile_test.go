package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestExamplesCompile compiles the C examples in the dialects and against the C
// libraries that users have. That they work is shown by the demo itself.
func TestExamplesCompile(t *testing.T) {
	files, err := filepath.Glob("../*.c")
	if err != nil || len(files) == 0 {
		t.Fatalf("no example found: %v", err)
	}
	for _, file := range files {
		for _, compiler := range [][]string{{"cc", "-std=c99"}, {"cc", "-std=c17"},
			{"musl-gcc", "-std=c11", "-static"}} {
			t.Run(filepath.Base(file)+" "+strings.Join(compiler, " "), func(t *testing.T) {
				t.Parallel()
				ssatest.Need(t, compiler[0])
				args := append(compiler[1:len(compiler):len(compiler)], "-O2", "-Wall", "-Wextra", "-Wshadow",
					"-pedantic", "-Werror",
					"-I../../include", "-o", filepath.Join(t.TempDir(), "example"), file)
				if text, err := exec.Command(compiler[0], args...).CombinedOutput(); err != nil {
					t.Errorf("%s %s: %v\n%s", compiler[0], strings.Join(args, " "), err, text)
				}
			})
		}
	}
}
