package program

import (
	"os"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestMain runs the tests as an ordinary user too: who that is tells most.
func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }
