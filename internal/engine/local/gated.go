package local

import (
	"crypto/tls"
	"sync/atomic"

	"github.com/secure-socket-api/ssa/internal/engine/record"
	"github.com/secure-socket-api/ssa/internal/engine/relay"
)

// gatedWire is a Wire whose first write ends what must be done behind the
// suiteGate: by then a client has made its hello, and a server its choice.
type gatedWire struct {
	*relay.Wire
	list []uint16             // see suiteGate
	pass atomic.Pointer[pass] // nil when not inside
	// plaintext is the alert that was the last record of a handshake, and was not
	// encrypted; nil for none, and for a connection that is established.
	plaintext   *record.Alert
	established bool
}

// Read notes an alert in plaintext. A peer of TLS 1.3 that does not get as far
// as its keys has no other way to say what it does not like, and crypto/tls,
// which has keys by then, takes it for a broken record.
func (w *gatedWire) Read(p []byte) (int, error) {
	n, err := w.Wire.Read(p)
	if !w.established && n > 0 {
		w.plaintext = plaintextAlert(p[:n])
	}
	return n, err
}

// plaintextAlert returns the alert in a record that is one, in plaintext.
func plaintextAlert(sent []byte) *record.Alert {
	if len(sent) != record.HeaderLen+2 || sent[0] != record.AlertType || sent[3] != 0 || sent[4] != 2 {
		return nil
	}
	a := record.Alert(sent[6])
	return &a
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
