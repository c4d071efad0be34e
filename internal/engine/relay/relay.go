// Package relay moves bytes between a program's plaintext stream and TLS
// records, both ways at once, and carries the ends of either side over to the
// other exactly: half-close, close, truncation and reset. It never performs or
// judges a handshake, never opens a socket, never looks at what it carries,
// and never keeps more than a bounded number of bytes in hand: a slow reader
// stops the writer.
package relay

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Stream is a connected byte stream: the TCP connection to the peer, or the
// plaintext connection to the program. Its descriptor is in non-blocking mode.
// Close and the deadlines must unblock Read and Write.
type Stream interface {
	net.Conn
	CloseWrite() error
	SyscallConn() (syscall.RawConn, error)
}

// Defaults of Config.
const (
	DefaultLinger = time.Second
	DefaultStall  = 3 * time.Minute // about that of TCP when a program has closed
)

// Config is what a Relay works on. It takes ownership of TLS, Wire and Plaintext.
type Config struct {
	// TLS is an established connection, made on Wire.
	TLS  *tls.Conn
	Wire *Wire
	// Plaintext is one end of a connected AF_UNIX stream pair, whose other end is
	// the program's descriptor.
	Plaintext Stream
	// BeforeReset, when not nil, is called at most once, when the program's
	// stream may have to end with ECONNRESET: after Plaintext is read for the last
	// time, and before the program can see anything of it. why is the reason,
	// for a program that asks at once. If nothing is unread in the queue of Plaintext,
	// it writes one byte to the program's end without waiting; being unread, that
	// byte makes the kernel report ECONNRESET on close.
	BeforeReset func(why error)
	// Abortive, when not nil, is asked often; it counts when the program's end
	// has been closed, or shut down both ways. True drops what has not been sent
	// and resets TCP, without a close_notify: what SO_LINGER with a time of zero
	// means. Several goroutines ask, and it must not wait. A program that has
	// shut down what its peer had left open looks as if it had gone: whoever
	// answers has to know the two apart.
	Abortive func() bool
	// SloppyEnd takes the end of TCP for that of the peer's data, whether or
	// not a close_notify came before it. Whoever can cut the connection can
	// then cut the data short.
	SloppyEnd bool
	// Answer is how long a program whose peer has ended TCP without a
	// close_notify may be silent, having read everything, before it is shown
	// ECONNRESET, with which its writing ends too: the peer may have ended its
	// half only, and wait for an answer.
	Answer time.Duration
	// Linger limits how long TCP stays open for the peer's end after the
	// program has gone and everything was sent. Zero means DefaultLinger.
	Linger time.Duration
	// Stall ends a connection whose program has gone and whose peer has taken
	// nothing for that long. Zero means DefaultStall.
	Stall time.Duration
	// Leftover, when not nil, takes over what StopLingering finds on its way: the TCP
	// connection of a program that has gone, and what of its records TCP has not
	// taken yet, the end included. It is called at most once, before TCP is
	// closed, for which it has to duplicate the descriptor. StopLingering then waits for
	// no peer.
	Leftover func(tcp Stream, rest []byte)
	// Idle, when not nil, is where each half of the connection waits while
	// nothing comes for long.
	Idle *IdleSet
	// Memory, when not nil, bounds what is in hand because the program or the
	// peer does not take it.
	Memory Memory
	// Bug, when not nil, is told of a panic, a bug of ours that must not end
	// other connections: this one is cut, and what Bug returns is its end.
	Bug func(recovered any) error
}

// End says how a relayed connection ended.
type End struct {
	// Err is nil when the peer ended with close_notify or the program went
	// first. Otherwise it is why the program was shown ECONNRESET: it wraps
	// ErrTruncated, a syscall.Errno of TCP, or an error of crypto/tls.
	Err error
	// Truncated says that TCP reached its end without a close_notify. With
	// SloppyEnd Err is nil all the same.
	Truncated bool
	// SendErr is why not all that the program wrote reached the kernel's TCP,
	// nil when it did, and when sending was only ended for Err.
	SendErr error
	// Refused says that the relay shut Plaintext down both ways before it saw the
	// program go: the program may be there still.
	Refused bool
	// Sent and Received count plaintext bytes to and from the peer. Received
	// bytes that the program did not want are counted too.
	Sent, Received int64
}

// Relay carries one connection. Its life:
//
//	New ── Start ─┬─ send:    program ▶ TLS …
//	              │           program's end ▶ close_notify … program gone ▶ FIN, linger
//	              └─ receive: TLS ▶ program …
//	                          close_notify ▶ end of file │ anything else ▶ ECONNRESET ─▶ done
//
// Each half is a goroutine, which may end and start again: see IdleSet. That of
// receive is the last to end.
type Relay struct {
	cfg       Config
	wire      *Wire
	plaintext Stream
	source    *source
	sink      *sink
	records   records
	discard   bool // the program reads no more; receive only

	received atomic.Int64
	sent     atomic.Int64
	sendErr  error // send only, until sendDone
	resetSet bool  // BeforeReset was called; send only, until sendDone
	lost     error // why sendLost is closed
	refused  bool  // the program's writes fail; send only, until sendDone
	sloppy   bool  // ended by SloppyEnd; receive only

	finSent  atomic.Bool   // the program is gone and TCP is shut down for writing
	handOver atomic.Bool   // what the peer has not acknowledged goes to Leftover
	taken    atomic.Int64  // read from the program, perhaps not sent yet
	sendLost chan struct{} // closed when TCP takes no more, though the program is there
	recvDone chan struct{} // closed when receive has ended
	sendDone chan struct{} // closed when send has ended

	stopLingerOnce sync.Once
	stopLinger     chan struct{} // closed by StopLingering

	overOnce sync.Once
	done     func(End)
}

// New returns a relay that has not started.
func New(cfg Config) *Relay {
	if cfg.Linger == 0 {
		cfg.Linger = DefaultLinger
	}
	if cfg.Stall == 0 {
		cfg.Stall = DefaultStall
	}
	records := recordsOf(cfg.TLS, cfg.Wire)
	cfg.TLS = nil
	source := newSource(cfg.Plaintext)
	sink := newSink(cfg.Plaintext, source.raw)
	sink.hold = cfg.Wire.hold
	if cfg.Memory != nil {
		cfg.Wire.stalls.memory, sink.stalls.memory = cfg.Memory, cfg.Memory
		source.stalls, source.takes = &cfg.Wire.stalls, cfg.Wire.takes
	}
	return &Relay{
		records:    records,
		cfg:        cfg,
		wire:       cfg.Wire,
		plaintext:  cfg.Plaintext,
		source:     source,
		sink:       sink,
		sendLost:   make(chan struct{}),
		recvDone:   make(chan struct{}),
		sendDone:   make(chan struct{}),
		stopLinger: make(chan struct{}),
	}
}

// Start begins to move bytes, and returns. When both directions have ended and
// both streams are closed, done is called with how it went, on a goroutine of
// the relay's. Start must be called once.
func (r *Relay) Start(done func(End)) {
	r.done = done
	r.wire.beginRelay(r.patience())
	r.source.set, r.source.resume = r.cfg.Idle, func() { go r.runSend() }
	r.wire.arrivals.set, r.wire.arrivals.resume = r.cfg.Idle, func() { go r.runReceive() }
	go r.runSend()
	go r.runReceive()
}

// Run is Start, and waits.
func (r *Relay) Run() End {
	ended := make(chan End, 1)
	r.Start(func(e End) { ended <- e })
	return <-ended
}

// runReceive is the goroutine of receive.
func (r *Relay) runReceive() {
	defer r.survive(r.recvDone)
	r.cfg.Idle.watch(&r.wire.arrivals)
	err := r.receive()
	if errors.Is(err, errIdle) {
		r.records.goIdle()
		return
	}
	close(r.recvDone)
	r.source.pin()
	end := r.finish(err)
	r.unwatch()
	r.over(end)
}

// runSend is the goroutine of send.
func (r *Relay) runSend() {
	defer r.survive(r.sendDone)
	r.cfg.Idle.watch(&r.source.waiter)
	err := r.send()
	if errors.Is(err, errIdle) {
		r.records.goIdle()
		return
	}
	r.sendErr = err
	close(r.sendDone)
}

func (r *Relay) unwatch() {
	r.cfg.Idle.unwatch(&r.source.waiter)
	r.cfg.Idle.unwatch(&r.wire.arrivals)
}

func (r *Relay) over(end End) { r.overOnce.Do(func() { r.done(end) }) }

func (r *Relay) patience() patience {
	p := patience{stall: r.cfg.Stall, step: r.cfg.Stall, gone: r.source.hungUp, abort: r.aborted}
	if r.cfg.Abortive != nil {
		p.step = min(p.step, abortStep)
	}
	return p
}

// aborted says whether the program has gone and wants no more of its data sent.
// The answer that counts is that of after the hang-up, since one of before may
// have been taken back for a shutdown; most often it saves the system call.
func (r *Relay) aborted() bool {
	abortive := r.cfg.Abortive
	return abortive != nil && abortive() && r.source.hungUp() && abortive()
}

// Progress returns how many plaintext bytes have gone to and come from the
// peer so far.
func (r *Relay) Progress() (sent, received int64) { return r.sent.Load(), r.received.Load() }

// Guard prepares for a guard byte, which keeps a program that has shut down its
// half from taking a bad end for a good one. Closing one end of an AF_UNIX stream
// shows the other end ECONNRESET only if something that it wrote is unread: after
// shutdown(SHUT_WR) nothing more can be written, so the byte has to be there
// before.
//
// From now on, the relay leaves the last byte before the program's end of file
// unread. When Guard returns, no read that could take that byte is under way. The
// caller then writes one byte of no meaning, the guard byte, at the program's end,
// and shuts that down for writing. On a clean end the relay takes the byte away
// before it closes; on a bad one the byte turns the close into ECONNRESET. The peer
// never gets it. Guard never waits; it may be called at any time, more than once.
func (r *Relay) Guard() { r.source.guard() }

// StopLingering cuts lingering short: once the program has gone, the relay ends as
// soon as the peer has acknowledged everything, or after a second. What the
// program wrote still goes out. It never waits and may be called at any time.
func (r *Relay) StopLingering() {
	r.stopLingerOnce.Do(func() {
		close(r.stopLinger)
		if r.cfg.Leftover != nil && r.wire.raw != nil {
			r.wire.leave()
		}
	})
}
