package lobby

import (
	"bytes"
	"crypto/tls"
	"net"
	"testing"
)

// hello is what a client of crypto/tls sends first.
func hello(t *testing.T) []byte {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	go func() {
		_ = tls.Client(b, &tls.Config{ServerName: "localhost"}).Handshake() // it never gets an answer
		b.Close()
	}()
	buf := make([]byte, 16<<10)
	n, err := a.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// TestWholeHello: a hello is whole with its last byte and not before, in one
// record or in many.
func TestWholeHello(t *testing.T) {
	one := hello(t)
	var many []byte
	for rest := one[recordHeader:]; len(rest) > 0; {
		n := min(3, len(rest))
		many = append(append(many, 22, 3, 1, 0, byte(n)), rest[:n]...)
		rest = rest[n:]
	}
	for _, all := range [][]byte{one, many} {
		for n := range all {
			if WholeHello(all[:n]) {
				t.Fatalf("%d of %d bytes are a whole hello", n, len(all))
			}
		}
		if !WholeHello(all) || !WholeHello(append(bytes.Clone(all), 20)) {
			t.Errorf("a hello of %d bytes is not whole", len(all))
		}
	}
}

// TestNoHello: what will never be a hello is not waited for.
func TestNoHello(t *testing.T) {
	for name, sent := range map[string]string{
		"HTTP": "GET / HTTP/1.1\r\n", "an alert": "\x15\x03\x03\x00\x02", "SSL 2": "\x80\x2e\x01",
		"another version": "\x16\x09",
		"an empty record": "\x16\x03\x01\x00\x00", "a huge record": "\x16\x03\x01\x40\x01",
		"another message": "\x16\x03\x01\x00\x05\x02",
		"a huge hello":    "\x16\x03\x01\x40\x00\x01\x01\x00\x00",
	} {
		if !WholeHello([]byte(sent)) {
			t.Errorf("%s is waited for", name)
		}
	}
}
