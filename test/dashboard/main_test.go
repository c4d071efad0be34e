//go:build linux

// Package dashboard tests `ssa dashboard` in a browser: what it shows of a
// service at work, and that what others chose stays text.
package dashboard

import (
	"os"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }
