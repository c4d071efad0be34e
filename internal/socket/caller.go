package socket

import (
	"errors"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// ErrPending says that a call is answered later, through Caller.Answer.
var ErrPending = errors.New("the call is answered later")

// Caller is the thread of a program during one system call on a socket. A gate
// implements it.
type Caller interface {
	// Thread identifies the thread: it has at most one call at a time.
	Thread() int
	// Process is the id of the thread's process.
	Process() int
	// OpenProcess returns a pidfd of the thread's process.
	OpenProcess() (*sys.FD, error)
	// DescendsFrom reports whether the process is, or was started by, another.
	DescendsFrom(process int) bool
	// String names the program in messages, such as "curl[1234]".
	String() string
	// Program describes the program for the policy.
	Program() subject.Program
	// Executable is the path of the file the program executes, as its own
	// mounts have it, and what tells that file from others.
	Executable() (path, file string)
	// Where says where the descriptor of the call is.
	Where() endpoint.Where
	// End returns a duplicate of the descriptor the call is about. The caller
	// closes it soon: while it is open, the program's own close is not seen.
	End() (endpoint.End, error)
	// Holder returns another process that is seen to have the socket of the
	// descriptor, "" when there is none: a program of the gate or, with above,
	// one that started the gate.
	Holder(above bool) string
	// Replace puts another socket in the place of the descriptor, dup2(2), and
	// of all others that the process has of the same socket.
	Replace(end endpoint.End) error
	// Rights returns the program's rights; the caller closes them.
	Rights() (Rights, error)
	// ReadFile reads a file, or the files of a folder, as the program could.
	ReadFile(path string) (files [][]byte, folder bool, err error)
	// Waiting reports whether the call still waits for its answer.
	Waiting() bool
	// Answer ends a pending call; nil is success. It fails when the call is
	// over already, for example because of a signal.
	Answer(err error) error
}

// AcceptCaller is the caller of accept(2).
type AcceptCaller interface {
	Caller
	// Give ends the call with a descriptor for the connection and the peer's
	// address, or fails and has done neither.
	Give(connection endpoint.End, peer []byte) (endpoint.Where, error)
}

// Rights are a program's credentials and network namespace.
type Rights interface {
	// Do runs f with the rights; f's system calls must stay on its goroutine.
	Do(f func() error) error
	// Socket makes a socket in the program's network namespace.
	Socket(family, kind, protocol int) (*sys.FD, error)
	// OwnNetwork reports whether the network namespace is this process's own.
	OwnNetwork() bool
	Close()
}
