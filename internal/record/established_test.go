package record

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// established returns crypto/tls's two ends of a connection.
func established(t *testing.T, version, suite uint16) (client, server *tls.Conn, ends [2]net.Conn) {
	t.Helper()
	a := ssatest.NewAuthority(t)
	cert := a.Issue(t, ssatest.Leaf{Names: []string{"peer.test"}}).TLS
	near, far := tcpPair(t)
	client = tls.Client(&oneRecord{Conn: near}, &tls.Config{RootCAs: a.Pool(), ServerName: "peer.test", MaxVersion: version,
		CipherSuites: []uint16{suite}, ClientSessionCache: tls.NewLRUClientSessionCache(1)})
	server = tls.Server(&oneRecord{Conn: far}, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version, SessionTicketsDisabled: false})
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return client, server, [2]net.Conn{near, far}
}

// This is what fails when a new Go keeps its keys elsewhere: then everything
// works as before, but slower.
func TestEstablishedAgreesWithCryptoTLS(t *testing.T) {
	client, server, ends := established(t, tls.VersionTLS13, 0)
	ours, err := Established(client)
	if err != nil {
		t.Fatalf("the client: %v", err)
	}
	if !ours.Client {
		t.Error("the client is taken for a server")
	}
	if _, err := server.Write([]byte("hello, client")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, HeaderLen+MaxCiphertext)
	for tickets := 0; ; tickets++ {
		sealed := readRecord(t, ends[0], buf)
		contentType, data, err := ours.In.Open(make([]byte, len(sealed)), sealed)
		if err != nil {
			t.Fatalf("what crypto/tls sealed: %v", err)
		}
		if contentType == Handshake && tickets < 2 {
			continue
		}
		if contentType != ApplicationData || string(data) != "hello, client" {
			t.Fatalf("opened type %d: %q", contentType, data)
		}
		break
	}
	if _, err := ends[0].Write(seal(t, ours.Out, ApplicationData, []byte("hello, server"))); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 100)
	if n, err := server.Read(got); err != nil || string(got[:n]) != "hello, server" {
		t.Fatalf("crypto/tls opened %q, %v", got[:n], err)
	}

	theirs, err := Established(server)
	if err != nil {
		t.Fatalf("the server: %v", err)
	}
	if theirs.Client {
		t.Error("the server is taken for a client")
	}
	sealed := seal(t, theirs.Out, ApplicationData, []byte("in turn"))
	if _, data, err := ours.In.Open(make([]byte, len(sealed)), sealed); err != nil || string(data) != "in turn" {
		t.Errorf("the halves of client and server disagree: %q, %v", data, err)
	}
}

func tcpPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if near, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// oneRecord gives crypto/tls no more than the rest of a record.
type oneRecord struct {
	net.Conn
	header [HeaderLen]byte
	given  int // of header
	left   int // of what follows it
}

func (c *oneRecord) Read(p []byte) (int, error) {
	if c.left == 0 && c.given == HeaderLen {
		c.given = 0
	}
	if c.given == 0 {
		if _, err := io.ReadFull(c.Conn, c.header[:]); err != nil {
			return 0, err
		}
		c.left = int(c.header[3])<<8 + int(c.header[4])
	}
	if c.given < HeaderLen {
		n := copy(p, c.header[c.given:])
		c.given += n
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func readRecord(t *testing.T, from io.Reader, buf []byte) []byte {
	t.Helper()
	if _, err := io.ReadFull(from, buf[:HeaderLen]); err != nil {
		t.Fatal(err)
	}
	n := HeaderLen + int(buf[3])<<8 + int(buf[4])
	if _, err := io.ReadFull(from, buf[HeaderLen:n]); err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func TestEstablishedTakesOnlyTLS13(t *testing.T) {
	client, _, _ := established(t, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	if _, err := Established(client); !errors.Is(err, ErrCannotTake) {
		t.Errorf("a connection of TLS 1.2: %v", err)
	}
	if _, err := Established(tls.Client(nil, &tls.Config{})); !errors.Is(err, ErrCannotTake) {
		t.Errorf("a connection without a handshake: %v", err)
	}
}
