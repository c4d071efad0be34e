// Package unixend has the programs' ends of the seccomp gate's sockets: AF_UNIX
// streams that never reach the network. It does to descriptors what package
// socket asks for by way of package endpoint, and knows no rule of a TLS socket.
//
// Everything happens in place: an unconnected socket is put into the program;
// later it is connected or made to listen through a duplicate, so that the
// program's poll sets and copies stay valid. An end is known by its inode, which
// survives dup(2), fork(2) and SCM_RIGHTS.
package unixend

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Finder finds descriptors of programs.
type Finder interface {
	// Find returns a duplicate of a descriptor of the socket with the given
	// inode, looking at the hint first. Searching may be slow.
	Find(inode uint64, hint endpoint.Where, search bool) (*sys.FD, error)
}

// Config is what Ends work with. All fields are needed.
type Config struct {
	Finder Finder
	Log    *slog.Logger
	// Dir is where folders can be made for names of sockets, which exist for a
	// moment.
	Dir string
}

// Ends is an endpoint.Maker.
type Ends struct {
	cfg    Config
	joiner *joiner
	diag   *sys.Diag
	lives  *sys.Lives
	askMu  sync.Mutex // one at a time asks about accepted connections

	closedOnce sync.Once
	closings   *sys.Closings // of queues, nil where there is none
	work       sync.WaitGroup

	mu     sync.Mutex
	closed map[int]func() // to be told of closings, by number
}

// New returns what makes ends. Close ends it.
func New(cfg Config) (*Ends, error) {
	j, err := newJoiner(cfg.Dir)
	if err != nil {
		return nil, err
	}
	diag, err := sys.OpenDiag()
	if err != nil {
		j.close()
		return nil, err
	}
	lives, err := sys.OpenLives()
	if err != nil {
		j.close()
		return nil, errors.Join(err, diag.Close())
	}
	return &Ends{cfg: cfg, joiner: j, diag: diag, lives: lives, closed: map[int]func(){}}, nil
}

// Close implements endpoint.Maker.
func (e *Ends) Close() error {
	e.joiner.close()
	e.closedOnce.Do(func() {}) // nobody watches from now on
	if e.closings != nil {
		e.closings.Close()
	}
	e.work.Wait()
	if err := errors.Join(e.diag.Close(), e.lives.Close()); err != nil {
		return fmt.Errorf("closing what looks at sockets: %w", err)
	}
	return nil
}

// New implements endpoint.Maker.
func (e *Ends) New(nonblock bool) (endpoint.End, error) {
	fd, err := sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd.Int(), nonblock); err != nil {
		fd.Close()
		return nil, err
	}
	return e.Of(fd), nil
}

// Of is the end that a descriptor is, which it takes.
func (e *Ends) Of(fd *sys.FD) *End { return &End{fd, e} }

// FD is the descriptor of an end, which stays the end's.
func FD(end endpoint.End) *sys.FD { return end.(*End).fd }

// Find implements endpoint.Maker.
func (e *Ends) Find(inode uint64, hint endpoint.Where, search bool) (endpoint.End, error) {
	fd, err := e.cfg.Finder.Find(inode, hint, search)
	if err != nil {
		return nil, err
	}
	return e.Of(fd), nil
}

// Exists implements endpoint.Maker.
func (e *Ends) Exists(inode uint64) bool {
	ok, err := e.diag.Exists(inode)
	if err != nil {
		e.cfg.Log.Debug("looking for a socket", "inode", inode, "error", err)
		return true
	}
	return ok
}

// Existing implements endpoint.Maker.
func (*Ends) Existing() (map[uint64]bool, error) { return sys.UnixInodes() }

// Watch implements endpoint.Maker.
func (e *Ends) Watch(old endpoint.End) error { return e.lives.Watch(FD(old)) }

// Watched implements endpoint.Maker.
func (e *Ends) Watched() (map[uint64]bool, error) { return e.lives.Inodes() }

// TCPSockets implements endpoint.Maker.
func (*Ends) TCPSockets(thread int) (map[uint64]bool, error) {
	open := map[uint64]bool{}
	for _, name := range []string{"tcp", "tcp6"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", thread, name))
		if err != nil {
			return nil, fmt.Errorf("looking for TCP sockets: %w", err)
		}
		for line := range strings.Lines(string(table)) {
			if fields := strings.Fields(line); len(fields) > 9 {
				if inode, err := strconv.ParseUint(fields[9], 10, 64); err == nil {
					open[inode] = true
				}
			}
		}
	}
	return open, nil
}
