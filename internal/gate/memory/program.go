package memory

import (
	"bytes"
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/socket"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Socket is what a program has of a socket: its descriptor. Its methods are
// system calls. Errors are those that package socket gives a gate: see
// socket.Errno and socket.Sentence.
type Socket struct {
	gate  *Gate
	Rules *socket.Socket // what is not called here is called there

	mu  sync.Mutex
	end *end
}

func (s *Socket) now() *end {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// Connect is connect(2).
func (s *Socket) Connect(addr []byte) error {
	c := s.call()
	return s.outcome("connect", c, s.Rules.Connect(c, addr))
}

// Bind is bind(2).
func (s *Socket) Bind(addr []byte) error {
	c := s.call()
	return s.outcome("bind", c, s.Rules.Bind(c, addr))
}

// Listen is listen(2).
func (s *Socket) Listen(backlog int) error {
	c := s.call()
	return s.outcome("listen", c, s.Rules.Listen(c, backlog))
}

// Accept is accept(2).
func (s *Socket) Accept() (*Socket, error) {
	c := s.call()
	if err := s.outcome("accept", c, s.Rules.Accept(c)); err != nil {
		return nil, err
	}
	return c.given, nil
}

// Set is setsockopt(2) at level IPPROTO_TLS. The value stays the caller's.
func (s *Socket) Set(option abi.Option, value []byte) error {
	c := s.call()
	return s.outcome("setsockopt", c, s.Rules.SetTLSOption(c, option, bytes.Clone(value)))
}

// Get is getsockopt(2) at level IPPROTO_TLS.
func (s *Socket) Get(option abi.Option) ([]byte, error) {
	return s.Rules.TLSOption(s.call(), option)
}

// Option is getsockopt(2) at another level, of an int.
func (s *Socket) Option(level, name int) ([]byte, error) {
	return s.Rules.Option(s.call(), level, name, 4)
}

// SetOption is setsockopt(2) at another level.
func (s *Socket) SetOption(level, name int, value []byte) error {
	c := s.call()
	return s.outcome("setsockopt", c, s.Rules.SetOption(c, level, name, value))
}

// Shutdown is shutdown(2); what the socket leaves to the kernel is done here.
func (s *Socket) Shutdown(how int) error {
	c := s.call()
	done, err := s.Rules.Shutdown(c, how)
	if stream := s.now().joined(); !done && err == nil && stream != nil {
		if how != unix.SHUT_RD {
			_ = stream.CloseWrite()
		}
		if how != unix.SHUT_WR {
			stream.in.set(func() { stream.in.unread, stream.in.over = true, true })
		}
	}
	return s.outcome("shutdown", c, err)
}

// Read and Write are those of the kernel on the end.
func (s *Socket) Read(p []byte) (int, error) {
	stream := s.now().joined()
	if stream == nil {
		return 0, unix.ENOTCONN
	}
	return stream.Read(p)
}

func (s *Socket) Write(p []byte) (int, error) {
	stream := s.now().joined()
	if stream == nil {
		return 0, unix.ENOTCONN
	}
	return stream.Write(p)
}

// Close is close(2).
func (s *Socket) Close() error {
	e := s.now()
	s.gate.ends.letGo(e)
	if stream := e.joined(); stream != nil {
		return stream.Close()
	}
	return nil
}

func (s *Socket) call() *call {
	return &call{gate: s.gate, of: s, answer: make(chan error, 1)}
}

// outcome waits for the answer of a call that is answered later, and tells the
// socket.
func (s *Socket) outcome(name string, c *call, err error) error {
	if errors.Is(err, socket.ErrPending) {
		err = <-c.answer
	}
	s.Rules.Conclude(socket.Operation{Name: name}, err)
	return err
}

// call is a socket.Caller.
type call struct {
	gate   *Gate
	of     *Socket // nil for socket(2)
	answer chan error
	given  *Socket
}

func (*call) Thread() int                    { return os.Getpid() }
func (*call) Process() int                   { return os.Getpid() }
func (*call) OpenProcess() (*sys.FD, error)  { return nil, unix.ESRCH }
func (*call) DescendsFrom(int) bool          { return true }
func (*call) String() string                 { return "the caller" }
func (*call) Program() subject.Program       { return subject.Program{Exe: "/caller"} }
func (*call) Executable() (string, string)   { return "/caller", "" }
func (*call) Where() endpoint.Where          { return endpoint.Where{} }
func (*call) Holder(bool) string             { return "" }
func (*call) Waiting() bool                  { return true }
func (*call) Rights() (socket.Rights, error) { return rights{}, nil }
func (c *call) End() (endpoint.End, error)   { return c.of.now(), nil }

func (*call) ReadFile(path string) ([][]byte, bool, error) {
	content, err := os.ReadFile(path)
	return [][]byte{content}, false, err
}

// Replace implements socket.Caller.
func (c *call) Replace(e endpoint.End) error {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.gate.ends.letGo(c.of.end)
	c.of.end = e.(*end)
	c.gate.ends.hold(c.of.end)
	return nil
}

// Answer implements socket.Caller.
func (c *call) Answer(err error) error {
	c.answer <- err
	return nil
}

// Give implements socket.AcceptCaller.
func (c *call) Give(connection endpoint.End, _ []byte) (endpoint.Where, error) {
	id, err := connection.ID()
	if err != nil {
		return endpoint.Where{}, err
	}
	c.given = c.gate.give(c.gate.table.Lookup(id), connection)
	c.answer <- nil
	return endpoint.Where{}, nil
}

// rights are those of this process.
type rights struct{}

func (rights) Do(f func() error) error { return f() }
func (rights) OwnNetwork() bool        { return true }
func (rights) Close()                  {}
func (rights) Socket(family, kind, protocol int) (*sys.FD, error) {
	return sys.Socket(family, kind, protocol)
}
