package pkcs11

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// link is a connection to a helper that outlives the helper: this process keeps
// the far end too, hands it to each helper in turn, and speaks through it itself
// while there is none.
type link struct {
	near *os.File // for a client, nil once given away
	far  *os.File // for helpers
}

func newLink() (*link, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a pair of sockets: %w", err)
	}
	return &link{os.NewFile(uintptr(ends[0]), "of ssa-pkcs11"),
		os.NewFile(uintptr(ends[1]), "for ssa-pkcs11")}, nil
}

// down tells the client that there is no helper, and why. What the client has
// asked for meanwhile is thrown away: the client has given it up.
func (l *link) down(why string) {
	m := wire.Message{Kind: wire.Down, Text: why}
	fd := int(l.far.Fd())
	// A client that does not read its answers finds out by waiting.
	_ = unix.Send(fd, m.Encode(), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	buffer := make([]byte, wire.MaxMessage)
	discard(func() error {
		_, _, err := unix.Recvfrom(fd, buffer, unix.MSG_DONTWAIT)
		return err
	})
}

// maxQueued is more than the messages that a socket holds.
const maxQueued = 4096

// discard receives until nothing is left. A user who goes on sending does not
// hold it up: what comes later, the next helper answers.
func discard(receive func() error) {
	for range maxQueued {
		if receive() != nil {
			return
		}
	}
}

func (l *link) close() error {
	var err error
	if l.near != nil {
		err = l.near.Close()
	}
	return errors.Join(err, l.far.Close())
}
