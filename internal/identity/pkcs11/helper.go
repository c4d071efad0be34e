package pkcs11

import (
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/uri"
	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// maxKeys bounds the keys that one helper is asked to open.
const maxKeys = 4096

// Config says how ssa-pkcs11 is started.
type Config struct {
	// Program is the path of ssa-pkcs11; empty is what FindProgram finds
	// whenever a process is started.
	Program string
	// Credential is who it runs as: who may read the PIN files and use the
	// tokens, and nothing else. Nil is who this process runs as.
	Credential *syscall.Credential
	// Env is its environment, which some modules find their settings in; nil
	// is that of this process.
	Env []string
	// Share makes a second connection, for a process that may use the keys
	// which this one opens, and no others: see Helper.UserSocket.
	Share bool
	// Timeout is how long a signature may take; zero is DefaultTimeout.
	Timeout time.Duration
	// FirstPause and LongestPause are how long the helper stays away after it
	// died: the first time, doubling each time. Zero is 100 ms and 30 s.
	FirstPause, LongestPause time.Duration
	// Log is told when the helper dies, and what it says; nil is nobody.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.FirstPause == 0 {
		c.FirstPause = 100 * time.Millisecond
	}
	if c.LongestPause == 0 {
		c.LongestPause = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Helper is a running ssa-pkcs11, and another one whenever one dies.
type Helper struct {
	config Config
	own    *link // for this process
	client *Client
	stop   chan struct{} // closed by Close
	wg     sync.WaitGroup

	starting sync.Mutex // while the first process is started, and when closed
	running  bool       // there is a supervisor, guarded by starting

	mu      sync.Mutex
	allowed []string    // URIs, which each new process is told
	shared  *link       // for a user, nil without
	process *os.Process // nil if there is none
	renewed bool        // it was killed for a new user
}

// New makes a helper whose process is started when the first key is opened.
func New(cfg Config) (*Helper, error) {
	h := &Helper{config: cfg.withDefaults(), stop: make(chan struct{})}
	if err := h.connect(); err != nil {
		return nil, err
	}
	return h, nil
}

// Start is New, and starts the process at once and waits until it is there.
func Start(cfg Config) (*Helper, error) {
	h, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if err := h.started(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// started starts the process, unless that has been done, and waits until one is
// there.
func (h *Helper) started() error {
	err := h.supervised()
	if err == nil {
		err = h.client.waitThere()
	}
	if err != nil {
		return fmt.Errorf("start the process for keys on tokens: %w", err)
	}
	return nil
}

// supervised starts the first process. Where that does not succeed, another
// call tries again.
func (h *Helper) supervised() error {
	h.starting.Lock()
	defer h.starting.Unlock()
	switch {
	case h.stopped():
		return errClosed
	case h.running:
		return nil
	}
	process, err := h.startProcess(1)
	if err != nil {
		return err
	}
	h.running = true
	h.wg.Go(func() { h.supervise(process) })
	return nil
}

// connect makes the sockets.
func (h *Helper) connect() error {
	var err error
	if h.own, err = newLink(); err != nil {
		return err
	}
	if h.config.Share {
		if h.shared, err = newLink(); err != nil {
			return errors.Join(err, h.disconnect())
		}
	}
	end := h.own.near
	h.own.near = nil
	if h.client, err = newClient(end, h.config.Timeout, true); err != nil {
		return errors.Join(err, h.disconnect())
	}
	return nil
}

func (h *Helper) disconnect() error {
	var err error
	if h.client != nil {
		err = h.client.Close()
	}
	for _, l := range []*link{h.own, h.shared} {
		if l != nil {
			err = errors.Join(err, l.close())
		}
	}
	return err
}

// UserSocket gives away the other end of the second connection, for NewClient
// in the process that it is passed to. It stays good when the helper is started
// anew. Another call makes another connection, for the process that comes after
// that one: the helper is then started anew, since a user may have left
// anything behind. It is an error without Config.Share.
func (h *Helper) UserSocket() (*os.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shared == nil {
		return nil, errors.New("this process has no second connection")
	}
	if h.shared.near == nil {
		fresh, err := newLink()
		if err != nil {
			return nil, err
		}
		old := h.shared
		h.shared = fresh
		if h.process != nil {
			h.renewed = true
			_ = h.process.Kill() // it may have ended
		}
		if err := old.close(); err != nil {
			return nil, err
		}
	}
	end := h.shared.near
	h.shared.near = nil
	return end, nil
}

// PID returns the number of the process, 0 while there is none.
func (h *Helper) PID() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.process == nil {
		return 0
	}
	return h.process.Pid
}

// Open allows a key to be used, by the user of the shared connection too, and
// opens it. The key has proved by a signature that it can be used.
func (h *Helper) Open(text string) (crypto.Signer, error) {
	where, err := uri.Parse(text)
	if err != nil {
		return nil, err
	}
	if err := h.started(); err != nil {
		return nil, err
	}
	if err := h.allow(where.String()); err != nil {
		return nil, err
	}
	return h.client.Open(where.String())
}

// allow remembers a key for the processes to come, and tells that of now.
func (h *Helper) allow(key string) error {
	h.mu.Lock()
	known := false
	for _, k := range h.allowed {
		known = known || k == key
	}
	switch {
	case known:
	case len(h.allowed) == maxKeys:
		h.mu.Unlock()
		return fmt.Errorf("more than %d keys on tokens since the start", maxKeys)
	default:
		h.allowed = append(h.allowed, key)
	}
	h.mu.Unlock()
	_, err := h.client.call(wire.Message{Kind: wire.Allow, URI: key})
	return err
}

// Close ends the process. Signers that Open returned fail from then on.
func (h *Helper) Close() error {
	h.starting.Lock()
	closed := h.stopped()
	if !closed {
		close(h.stop)
	}
	h.starting.Unlock()
	if closed {
		h.wg.Wait()
		return nil
	}
	err := h.client.Close()
	h.wg.Wait()
	return errors.Join(err, h.disconnect())
}
