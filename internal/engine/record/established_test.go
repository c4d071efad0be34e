package record

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// established returns crypto/tls's two ends of a connection.
func established(t *testing.T, version, suite uint16) (client, server *tls.Conn, ends [2]net.Conn) {
	t.Helper()
	a := ssatest.NewAuthority(t)
	cert := a.Issue(t, ssatest.Leaf{Names: []string{"peer.test"}}).TLS
	near, far := tcpPair(t)
	client = tls.Client(&oneRecord{Conn: near},
		&tls.Config{RootCAs: a.Pool(), ServerName: "peer.test", MaxVersion: version,
			CipherSuites: []uint16{suite}, ClientSessionCache: tls.NewLRUClientSessionCache(1)})
	server = tls.Server(&oneRecord{Conn: far}, &tls.Config{Certificates: []tls.Certificate{cert},
		MaxVersion: version, SessionTicketsDisabled: false})
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
	if _, err := ends[0].Write(seal(t, ours.Out, ApplicationData,
		[]byte("hello, server"))); err != nil {
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
	if _, data, err := ours.In.Open(make([]byte, len(sealed)), sealed); err != nil ||
		string(data) != "in turn" {
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

// oneRecord gives crypto/tls no more than the rest of a record, and when there
// is no record more than it may take, what a deadline says.
type oneRecord struct {
	net.Conn
	lax     bool // gives whatever there is
	most    int  // how many records more, when limited
	limited bool
	header  [HeaderLen]byte
	given   int // of header
	left    int // of what follows it
}

func (c *oneRecord) Read(p []byte) (int, error) {
	if c.lax {
		return c.Conn.Read(p)
	}
	if c.left == 0 && c.given == HeaderLen {
		c.given = 0
	}
	if c.given == 0 {
		if c.most--; c.limited && c.most < 0 {
			return 0, os.ErrDeadlineExceeded
		}
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

// What crypto/tls has in hand already would be lost, and what has ended is not
// to begin anew.
func TestEstablishedTakesOnlyIdle(t *testing.T) {
	for name, c := range map[string]func(t *testing.T, client, server *tls.Conn, wire *oneRecord){
		"a record half read": func(t *testing.T, client, server *tls.Conn, wire *oneRecord) {
			write(t, server, "data")
			read(t, client, 1)
		},
		"another record": func(t *testing.T, client, server *tls.Conn, wire *oneRecord) {
			write(t, server, "data")
			write(t, server, "data")
			wire.lax = true
			read(t, client, 4)
		},
		"half a message": func(t *testing.T, client, server *tls.Conn, wire *oneRecord) {
			write(t, server, "data")
			read(t, client, 4)
			theirs, err := Established(server)
			if err != nil {
				t.Fatal(err)
			}
			write(t, server.NetConn(), string(seal(t, theirs.Out, Handshake, []byte{4, 0})))
			wire.limited, wire.most = true, 1
			if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
		},
		"the peer's end": func(t *testing.T, client, server *tls.Conn, wire *oneRecord) {
			if err := server.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Read(make([]byte, 1)); err != io.EOF {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, server, _ := established(t, tls.VersionTLS13, 0)
			if _, err := Established(client); err != nil {
				t.Fatalf("before: %v", err)
			}
			c(t, client, server, client.NetConn().(*oneRecord))
			if _, err := Established(client); !errors.Is(err, ErrCannotTake) {
				t.Errorf("after: %v", err)
			}
		})
	}
}

func write(t *testing.T, w io.Writer, data string) {
	t.Helper()
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, r io.Reader, n int) {
	t.Helper()
	if _, err := io.ReadFull(r, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
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
