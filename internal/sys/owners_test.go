package sys

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOwners: a descriptor that is open is told with the place that made it,
// and one that was closed or given up is not.
func TestOwners(t *testing.T) {
	owners := WatchOwners()
	f, err := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if stack := owners.Open()[f]; !strings.Contains(stack, "TestOwners") {
		t.Errorf("an open descriptor is told with the stack %q, want that of this test", stack)
	}
	g, err := f.Dup()
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	n := g.Disown()
	defer unix.Close(n)
	open := owners.Open()
	for what, fd := range map[string]*FD{"closed": f, "given up": g} {
		if stack, ok := open[fd]; ok {
			t.Errorf("a descriptor that was %s is told as open; it was made at %s", what, stack)
		}
	}
}
