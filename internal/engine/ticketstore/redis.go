package ticketstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/sys"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/identity"
)

// dialer connects to a Redis server.
type dialer struct {
	engine *local.Engine
	store  *policy.TicketStore
	access policy.TicketAccess
}

// redis is a connection to a Redis server.
type redis struct {
	conn   net.Conn
	reader *bufio.Reader
	// relayed reports how the TLS connection behind conn ended, once conn is
	// closed; nil for a Unix socket.
	relayed <-chan engine.End
	stop    func() bool // of the context's end
}

// open connects, and says who we are. The connection ends with the context.
func (d *dialer) open(ctx context.Context) (link, error) {
	r, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	// Reads and writes end when the time is over.
	r.stop = context.AfterFunc(ctx, func() { _ = r.conn.SetDeadline(time.Unix(1, 0)) })
	r.reader = bufio.NewReaderSize(r.conn, maxLine)
	if err := d.greet(r); err != nil {
		return nil, r.close(err)
	}
	return r, nil
}

func (d *dialer) connect(ctx context.Context) (*redis, error) {
	if d.store.Path != "" {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", d.store.Path)
		if err != nil {
			return nil, err
		}
		return &redis{conn: conn}, nil
	}
	tcp, err := new(net.Dialer).DialContext(ctx, "tcp",
		net.JoinHostPort(d.store.Host, strconv.Itoa(int(d.store.Port))))
	if err != nil {
		return nil, err
	}
	return d.secure(ctx, tcp.(*net.TCPConn))
}

// secure makes a connection TLS, by the engine that does it for programs: what
// the policy demands of their peers, it demands of the store.
func (d *dialer) secure(ctx context.Context, tcp *net.TCPConn) (*redis, error) {
	req := &engine.Request{Role: engine.Client, ID: d.engine.NewID(), Policy: d.store.Policy,
		Name: d.store.Host, Port: d.store.Port}
	if d.access.Identity != nil {
		req.Identities = []*identity.Identity{d.access.Identity}
	}
	conn, err := d.engine.Handshake(ctx, tcp, req)
	if err != nil {
		return nil, err
	}
	ours, its, err := pair()
	if err != nil {
		conn.Abort()
		return nil, err
	}
	conn.StopLingering() // nobody waits for the store's own end
	ended := make(chan engine.End, 1)
	go func() { ended <- engine.RelayToEnd(conn, its, engine.RelayOptions{}) }()
	return &redis{conn: ours, relayed: ended}, nil
}

func pair() (ours, its *sys.Stream, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a pair of sockets: %w", err)
	}
	other := sys.Own(fds[1])
	if ours, err = sys.NewStream(sys.Own(fds[0]), nil); err != nil {
		other.Close()
		return nil, nil, err
	}
	if its, err = sys.NewStream(other, nil); err != nil {
		ours.Close()
		return nil, nil, err
	}
	return ours, its, nil
}

// close implements link. It waits for the end of the TLS connection.
func (r *redis) close(err error) error {
	r.stop()
	r.conn.Close()
	if r.relayed == nil {
		return err
	}
	// An alert after the handshake, as for a client's certificate in TLS 1.3,
	// says more than that nothing could be read.
	if end := <-r.relayed; err != nil && end.Err != nil && !errors.As(err, new(*refusal)) {
		return end.Err
	}
	return err
}

func (d *dialer) greet(r *redis) error {
	switch {
	case d.store.User != "":
		if err := r.expectOK("AUTH", d.store.User, d.access.Password); err != nil {
			return fmt.Errorf("signing in as %s: %w", d.store.User, codeOnly(err))
		}
	case d.access.Password != "":
		if err := r.expectOK("AUTH", d.access.Password); err != nil {
			return fmt.Errorf("signing in: %w", codeOnly(err))
		}
	}
	// Also where it is the first, as it is in a new connection: a server that wants
	// a password says so here.
	if err := r.expectOK("SELECT", strconv.Itoa(d.store.Database)); err != nil {
		return fmt.Errorf("selecting the database %d: %w", d.store.Database, err)
	}
	return nil
}

// codeOnly leaves of a refusal a word of Redis's that it begins with: some servers
// repeat the command that they refuse, and this one has the password.
func codeOnly(err error) error {
	var refused *refusal
	if !errors.As(err, &refused) {
		return err
	}
	code, _, _ := strings.Cut(refused.text, " ")
	if !slices.Contains([]string{"WRONGPASS", "ERR", "NOPERM", "NOAUTH", "LOADING", "BUSY",
		"MASTERDOWN"}, code) {
		code = "for a reason that cannot be shown"
	}
	return &refusal{code}
}

// get implements link.
func (r *redis) get(names []string) ([][]byte, error) {
	if err := r.send(append([]string{"MGET"}, names...)...); err != nil {
		return nil, err
	}
	values, err := readArray(r.reader, len(names), recordSize)
	if err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	return values, nil
}

// offer implements link. SET with NX is a compare-and-set: of machines that
// come at the same time, one is first, and the others take what it set.
func (r *redis) offer(name string, value []byte, after time.Duration) error {
	if err := r.send("SET", name, string(value), "NX", "PX",
		strconv.FormatInt(max(after.Milliseconds(), 1), 10)); err != nil {
		return err
	}
	if err := readOKOrNothing(r.reader); err != nil {
		return fmt.Errorf("offering a key: %w", err)
	}
	return nil
}

func (r *redis) expectOK(command ...string) error {
	if err := r.send(command...); err != nil {
		return err
	}
	return readOK(r.reader)
}

func (r *redis) send(command ...string) error {
	_, err := r.conn.Write(encode(command))
	return err
}
