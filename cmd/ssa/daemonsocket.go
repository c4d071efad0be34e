package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// elsewhere is what may be done by who may not listen where he asked to.
const elsewhere = "start it as root, or name a socket in a folder of yours by --socket"

// takeOver is how long a running service may take to hand its socket over.
const takeOver = 10 * time.Second

// listen gets the service's socket: from systemd, from the service that runs
// already, or it makes one.
func (o *daemonOptions) listen() (*sys.FD, error) {
	if fd, err := fromSystemd(); err != nil || fd != nil {
		return fd, err
	}
	if o.replace {
		return o.fromRunning()
	}
	conn, err := wire.Dial(o.socket)
	if err == nil {
		conn.Close()
		return nil, &problem{what: "a service listens at " + o.socket + " already",
			hint: "`ssa daemon --replace` takes over from it without breaking its connections", status: statusUsage}
	}
	if !nobodyListens(err) {
		return nil, &problem{what: err.Error(), hint: "--socket names another place for the service's socket", status: statusUsage}
	}
	return makeSocket(o.socket)
}

// nobodyListens reports whether an error of Dial means that the path may be
// taken. It must not be what a busy service, or what another program's socket
// answers.
func nobodyListens(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED)
}

// fromSystemd takes the socket that systemd passes, sd_listen_fds(3); nil when
// there is none.
func fromSystemd() (*sys.FD, error) {
	files := activation.Files(true)
	if len(files) == 0 {
		return nil, nil
	}
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if len(files) > 1 || !listens(int(files[0].Fd())) {
		return nil, &problem{what: fmt.Sprintf("systemd passed %d sockets, and must pass one listening AF_UNIX stream socket", len(files)),
			hint: "the socket unit must have one line, ListenStream=/run/ssa/ssa.sock", status: statusUsage}
	}
	return duplicate(int(files[0].Fd()))
}

// boundTo returns where a socket listens.
func boundTo(socket *sys.FD) string {
	at, err := unix.Getsockname(socket.Int())
	if named, ok := at.(*unix.SockaddrUnix); err == nil && ok {
		return named.Name
	}
	return "a socket without a name"
}

func duplicate(fd int) (*sys.FD, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicating the service's socket: %w", err)
	}
	return sys.Own(n), nil
}

// listens reports whether a descriptor is what the service listens on.
func listens(fd int) bool {
	is := func(option, want int) bool {
		got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
		return err == nil && got == want
	}
	return is(unix.SO_DOMAIN, unix.AF_UNIX) && is(unix.SO_TYPE, unix.SOCK_STREAM) &&
		is(unix.SO_ACCEPTCONN, 1)
}

// fromRunning takes the socket over from a running service.
func (o *daemonOptions) fromRunning() (*sys.FD, error) {
	ctx, cancel := context.WithTimeout(context.Background(), takeOver)
	defer cancel()
	conn, err := wire.Dial(o.socket)
	if nobodyListens(err) {
		return makeSocket(o.socket) // there is nobody to replace
	}
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := wire.Greet(ctx, conn, wire.Hello{Agent: "ssa daemon " + version()}); err != nil {
		return nil, err
	}
	o.earlier = o.keep(ctx)
	frame, err := wire.Ask(ctx, conn, 1, &wire.TakeOver{Ref: 1})
	if err != nil {
		return nil, fmt.Errorf("taking over from the running service: %w", err)
	}
	defer frame.Close()
	fd := frame.Take(0)
	if _, ok := frame.Message.(*wire.Taken); !ok || !listens(fd.Int()) {
		fd.Close()
		return nil, fmt.Errorf("the running service answered with %s", wire.KindOf(frame.Message))
	}
	return fd, nil
}

// keep returns a connection to the running service, to ask for its status when
// its socket is ours; nil when there can be none, which costs the status alone. It
// goes to the worker, which must not get the monitor's rights by it.
func (o *daemonOptions) keep(ctx context.Context) *sys.FD {
	conn, err := wire.Dial(o.socket)
	if err != nil {
		return nil
	}
	defer conn.Close()
	if _, err := wire.Greet(ctx, conn, wire.Hello{Agent: "status for ssa daemon " + version(),
		StatusOnly: true}); err != nil {
		return nil
	}
	fd, err := conn.Hand()
	if err != nil {
		return nil
	}
	return fd
}

// makeSocket binds a socket that every user may connect to: who they are and
// what they may do is found out for each.
func makeSocket(path string) (*sys.FD, error) {
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, &problem{what: "making the folder of the socket: " + err.Error(), hint: elsewhere,
			status: statusUsage}
	}
	if st, err := os.Lstat(path); err == nil {
		if st.Mode().Type() != os.ModeSocket {
			return nil, &problem{what: path + " is there already, and is not a socket", hint: "--socket names another place for the service's socket",
				status: statusUsage}
		}
		if err := os.Remove(path); err != nil {
			return nil, &problem{what: "removing the socket of a service that has ended: " + err.Error(), hint: elsewhere, status: statusUsage}
		}
	}
	fd, err := sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	err = unix.Bind(fd.Int(), &unix.SockaddrUnix{Name: path})
	if err == nil {
		err = openToAll(path)
	}
	if err == nil {
		err = unix.Listen(fd.Int(), unix.SOMAXCONN)
	}
	if err != nil {
		fd.Close()
		return nil, &problem{what: fmt.Sprintf("listening at %s: %v", path, err), hint: elsewhere,
			status: statusUsage}
	}
	return fd, nil
}

// openToAll lets every user connect to a socket. Whoever may write to its folder
// could have put a link to another file in its place, whose mode stays what it is.
func openToAll(path string) error {
	n, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	fd := sys.Own(n)
	defer fd.Close()
	var st unix.Stat_t
	switch err := unix.Fstat(n, &st); {
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK || int(st.Uid) != os.Geteuid():
		return errors.New("something else has taken its place meanwhile")
	}
	return os.Chmod("/proc/self/fd/"+strconv.Itoa(n), 0o666) // fchmod(2) does not take it
}
