package engine

import (
	"crypto/tls"
	"sync/atomic"

	"github.com/secure-socket-api/ssa/internal/relay"
)

// gatedWire is a Wire whose first write ends what must be done behind the
// suiteGate: by then a client has made its hello, and a server its choice.
type gatedWire struct {
	*relay.Wire
	list []uint16             // see suiteGate
	pass atomic.Pointer[pass] // nil when not inside
}

// enter waits for this connection's list of suites to be in force.
func (w *gatedWire) enter() { w.pass.Store(suites13.enter(w.list)) }

func (w *gatedWire) leave() {
	if w.pass.Load() != nil { // a running relay writes often
		w.pass.Swap(nil).leave()
	}
}

func (w *gatedWire) Write(p []byte) (int, error) {
	w.leave()
	return w.Wire.Write(p)
}

// chooseSuite is for tls.Config.GetConfigForClient, which is called when a
// server has read a hello and not yet chosen anything.
func chooseSuite(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if wire, ok := hello.Conn.(*gatedWire); ok {
		wire.enter()
	}
	return nil, nil // the configuration stays
}

// suiteChosen is for tls.Config.GetCertificate, which comes after the choice
// and before the time-consuming signature.
func suiteChosen(hello *tls.ClientHelloInfo) {
	if wire, ok := hello.Conn.(*gatedWire); ok {
		wire.leave()
	}
}
