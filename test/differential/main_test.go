//go:build linux

// Package differential runs every test program twice: over plain TCP as the
// kernel does it, and over TLS under `ssa run`. Both must print the same
// transcript, since a TLS socket is to behave as a TCP socket. A third run
// checks that the same program's plain sockets are left alone by the gate. The
// outcome is listed in docs/conformance.md.
package differential

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

var update = flag.Bool("update", false, "write docs/conformance.md")

func TestMain(m *testing.M) {
	flag.Parse()
	// Most scenarios wait for a kernel timer rather than for a processor.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("8"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(ssatest.Main(m))
}
