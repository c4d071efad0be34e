package socket

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// TestOlderCopiesWhileLooking: a copy that becomes an older one while others
// are looked for is not taken for one that has been closed.
func TestOlderCopiesWhileLooking(t *testing.T) {
	r := newRig(t, ssatest.NewAuthority(t))
	for range 200 {
		var olds []*sys.FD
		for range 8 {
			old, err := sys.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
			if err := r.table.supersede(r.made.Of(old), s, r.made.Of(c.end)); err != nil {
				t.Fatal(err)
			}
			olds = append(olds, old)
		}
		for _, old := range olds {
			if r.table.Older(inode(t, old)) == nil {
				t.Error("an older copy that is open was forgotten")
			}
		}
		for _, old := range olds {
			old.Close()
		}
		if t.Failed() {
			return
		}
	}
}

func inode(t *testing.T, fd *sys.FD) uint64 {
	t.Helper()
	n, err := fd.SocketInode()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
