// Package serve is the part of ssa-pkcs11 that answers requests. It speaks to
// two: the owner, who started the process and says which keys may be used, and
// a user, who may be any process that the owner gave the other end of a socket
// and is believed nothing. It touches no token itself.
package serve

import (
	"errors"
	"sync"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// maxAtOnce bounds the user's requests in hand; further ones wait in the socket.
const maxAtOnce = 256

// Keys are what signs. The methods are called concurrently.
type Keys interface {
	// Allow makes a key one that may be used. It opens nothing yet.
	Allow(uri string) error
	// Public returns the public key of an allowed key, PKIX.
	Public(uri string) ([]byte, error)
	// Sign signs with an allowed key.
	Sign(uri string, scheme wire.Scheme, data []byte) ([]byte, error)
}

// Config is what Run needs.
type Config struct {
	Owner *wire.Conn
	User  *wire.Conn // nil if there is none
	Keys  Keys
	// Number tells this process from those before it.
	Number uint32
	// Ended is called when the owner is gone. Run then still waits for what is
	// in hand, which may take for ever if a token does not answer.
	Ended func()
}

type server struct {
	Config
	users sync.Once // starts serving the user
	wg    sync.WaitGroup
}

// Run answers until the owner's connection ends.
func Run(cfg Config) error {
	s := &server{Config: cfg}
	err := s.Owner.Send(&wire.Message{Kind: wire.Hello, Number: s.Number})
	for err == nil {
		var m *wire.Message
		m, err = s.Owner.Receive()
		switch {
		case errors.Is(err, wire.ErrMalformed):
			err = s.Owner.Send(refusal(m, err))
		case err == nil:
			// the loop sees it when nobody is there any more
			s.wg.Go(func() { _ = s.Owner.Send(s.ownersRequest(m)) })
		}
	}
	s.Ended()
	if s.User != nil {
		_ = s.User.Close() // it was read from, nothing is lost
	}
	s.wg.Wait()
	return err
}

// ownersRequest does what the owner asks for, and returns the answer.
func (s *server) ownersRequest(m *wire.Message) *wire.Message {
	switch m.Kind {
	case wire.Allow:
		if err := s.Keys.Allow(m.URI); err != nil {
			return wire.Failure(m.Number, err)
		}
	case wire.Serve:
		if s.User != nil {
			s.users.Do(func() { s.wg.Go(s.serveUser) })
		}
	default:
		return s.request(m)
	}
	return &wire.Message{Kind: wire.OK, Number: m.Number}
}

// request does what anyone may ask for.
func (s *server) request(m *wire.Message) *wire.Message {
	var data []byte
	var err error
	switch m.Kind {
	case wire.Public:
		data, err = s.Keys.Public(m.URI)
	case wire.Sign:
		data, err = s.Keys.Sign(m.URI, m.Scheme, m.Data)
	default:
		err = errors.New("you may not make this request")
	}
	switch {
	case err != nil:
		return wire.Failure(m.Number, err)
	case len(data) > wire.MaxData:
		return wire.Failure(m.Number, errors.New("the token's answer is too long"))
	}
	return &wire.Message{Kind: wire.OK, Number: m.Number, Data: data}
}

// serveUser answers the user until that connection ends.
func (s *server) serveUser() {
	slots := make(chan struct{}, maxAtOnce)
	err := s.User.Send(&wire.Message{Kind: wire.Hello, Number: s.Number})
	for err == nil {
		var m *wire.Message
		m, err = s.User.Receive()
		switch {
		case errors.Is(err, wire.ErrMalformed):
			err = s.User.Send(refusal(m, err))
		case err == nil:
			slots <- struct{}{}
			s.wg.Go(func() {
				_ = s.User.Send(s.request(m)) // the loop sees it when nobody is there any more
				<-slots
			})
		}
	}
}

// refusal answers a message that was not understood; m may be nil.
func refusal(m *wire.Message, err error) *wire.Message {
	number := uint32(0)
	if m != nil {
		number = m.Number
	}
	return wire.Failure(number, err)
}
