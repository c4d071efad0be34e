//go:build linux

// Package trust tests whom a C program under `ssa run` ends up talking to: a
// local copy of what badssl.com shows, and graphs of certificates held against
// another implementation.
package trust

import (
	"os"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }
