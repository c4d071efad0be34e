//go:build linux

package leftover

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// item is one connection, and what has to go out on it.
type item struct {
	tcp  *sys.FD
	rest []byte
}

// Collection gathers connections. It is safe for concurrent use.
type Collection struct {
	mu    sync.Mutex
	items []item
}

// Add takes a connection and what is left to send. It duplicates the descriptor.
func (c *Collection) Add(tcp interface {
	SyscallConn() (syscall.RawConn, error)
}, rest []byte) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return // it ends here, as one that was killed
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.items = append(c.items, item{sys.Own(n), rest})
	})
}

// Empty reports whether there is nothing to do.
func (c *Collection) Empty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.items) == 0
}

// take empties the collection.
func (c *Collection) take() []item {
	c.mu.Lock()
	defer c.mu.Unlock()
	items := c.items
	c.items = nil
	return items
}

// Start has another process, of a command that calls Inherited, send all. It has
// no terminal, none of our standard descriptors and a session of its own. Where it
// cannot be started the connections stay in the collection.
func (c *Collection) Start(command ...string) error {
	items := c.take()
	err := start(items, command)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.items = append(c.items, items...)
		return fmt.Errorf("starting the process that sends what is left: %w", err)
	}
	for _, i := range items {
		i.tcp.Close()
	}
	return nil
}

func start(items []item, command []string) error {
	content, err := write(items)
	if err != nil {
		return err
	}
	defer content.Close()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = "/", []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.ExtraFiles = []*os.File{content}
	for _, i := range items {
		file, err := duplicate(i.tcp)
		if err != nil {
			return err
		}
		defer file.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release() // it outlives us
}

func duplicate(fd *sys.FD) (*os.File, error) {
	d, err := fd.Dup()
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(d.Disown()), "TCP"), nil
}

// write puts the bytes into memory that another process can read: the number of
// items, their lengths, and the bytes.
func write(items []item) (*os.File, error) {
	fd, err := unix.MemfdCreate("ssa-leftover", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "leftover")
	head := binary.NativeEndian.AppendUint64(nil, uint64(len(items)))
	for _, i := range items {
		head = binary.NativeEndian.AppendUint64(head, uint64(len(i.rest)))
	}
	_, err = file.Write(head)
	for _, i := range items {
		if err == nil {
			_, err = file.Write(i.rest)
		}
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// Where a process that Start has started finds its descriptors: the bytes, and
// the connections from FirstFD on.
const (
	contentFD = 3
	FirstFD   = 4
)

// Inherited is the collection of the process that Start has started.
func Inherited() (*Collection, error) {
	file := os.NewFile(contentFD, "leftover")
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("reading what is left to send: %w", err)
	}
	number := func() uint64 {
		if len(content) < 8 {
			return 0
		}
		n := binary.NativeEndian.Uint64(content)
		content = content[8:]
		return n
	}
	c := &Collection{}
	lengths := make([]uint64, min(number(), uint64(len(content)/8)))
	for i := range lengths {
		lengths[i] = number()
	}
	for i, n := range lengths {
		n = min(n, uint64(len(content)))
		unix.CloseOnExec(FirstFD + i)
		c.items = append(c.items, item{sys.Own(FirstFD + i), content[:n:n]})
		content = content[n:]
	}
	return c, nil
}
