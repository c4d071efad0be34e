package local_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

const (
	aes128 = tls.TLS_AES_128_GCM_SHA256
	aes256 = tls.TLS_AES_256_GCM_SHA384
	chacha = tls.TLS_CHACHA20_POLY1305_SHA256
)

// readRecord reads one TLS record and returns it with its header.
func readRecord(conn net.Conn) ([]byte, error) {
	record := make([]byte, 5)
	if _, err := io.ReadFull(conn, record); err != nil {
		return nil, err
	}
	record = append(record, make([]byte, binary.BigEndian.Uint16(record[3:]))...)
	_, err := io.ReadFull(conn, record[5:])
	return record, err
}

// sessionIDEnd is where a hello's session identifier ends, in its record:
// headers, version, random, length, and that many bytes.
func sessionIDEnd(record []byte) int { return 5 + 4 + 2 + 32 + 1 + int(record[5+4+2+32]) }

// offered13 returns the TLS 1.3 suites of a record with a ClientHello.
func offered13(record []byte) (suites []uint16) {
	list := record[sessionIDEnd(record):]
	for n := int(binary.BigEndian.Uint16(list)); n > 0; n -= 2 {
		list = list[2:]
		if id := binary.BigEndian.Uint16(list); id>>8 == 0x13 {
			suites = append(suites, id)
		}
	}
	return suites
}

// offer makes a client say hello and returns the record.
func offer(t testing.TB, e engine.Engine, pol *policy.Effective) []byte {
	t.Helper()
	ours, theirs := tcpPair(t)
	var record []byte
	wait := peer(t, func() {
		var err error
		if record, err = readRecord(theirs); err != nil {
			t.Errorf("read the hello: %v", err)
		}
		theirs.Close()
	})
	_, err := e.Handshake(wontHang(t), ours, &engine.Request{Name: "a.example", Policy: pol})
	if err == nil {
		t.Fatal("a handshake with a peer that closes succeeded")
	}
	wait()
	return record
}

// choice sends a hello to a server and returns the suite of its answer, or the
// error that it ended with.
func choice(t testing.TB, e engine.Engine, pol *policy.Effective, id *identity.Identity,
	hello []byte) (uint16, error) {
	t.Helper()
	ours, theirs := tcpPair(t)
	var suite uint16
	wait := peer(t, func() {
		defer theirs.Close()
		if _, err := theirs.Write(hello); err != nil {
			t.Errorf("send the hello: %v", err)
			return
		}
		if answer, err := readRecord(theirs); err == nil && answer[0] == 22 {
			suite = binary.BigEndian.Uint16(answer[sessionIDEnd(answer):])
		}
		theirs.CloseWrite()
		_, _ = io.Copy(io.Discard, theirs) // to end without a reset
	})
	_, err := e.Handshake(wontHang(t), ours,
		&engine.Request{Role: engine.Server, Policy: pol, Identities: []*identity.Identity{id}})
	wait()
	return suite, err
}

// suitePolicy makes a policy with a list of TLS 1.3 suites.
func suitePolicy(suites ...uint16) *policy.Effective {
	pol := effective()
	pol.CipherSuites13 = suites
	return pol
}

// Each client offers the suites of its own policy and no others, on the wire,
// while clients with other policies do the same at the same time.
func TestOfferedSuites13(t *testing.T) {
	ssatest.NoLeaks(t)
	e := local.New(local.Config{})
	standard := offered13(offer(t, e, suitePolicy()))
	if len(standard) != 3 {
		t.Fatalf("without a list %x is offered, want all three suites", standard)
	}
	lists := [][]uint16{nil, {aes128}, {aes256}, {chacha}, {aes256, aes128}, {chacha, aes256},
		{aes256, chacha, aes128}}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 3 * len(lists) {
				list := lists[(worker+i)%len(lists)]
				want := list
				if list == nil {
					want = standard
				}
				if got := offered13(offer(t, e, suitePolicy(list...))); !slices.Equal(got, want) {
					t.Errorf("with the list %x, %x is offered", list, got)
				}
			}
		})
	}
	wg.Wait()
	if got := offered13(offer(t, e, suitePolicy())); !slices.Equal(got, standard) {
		t.Errorf("afterwards and without a list %x is offered, want %x", got, standard)
	}
}

func TestNoSuites13(t *testing.T) {
	pol := effective()
	pol.CipherSuites13 = []uint16{}
	e := local.New(local.Config{})
	if got := offered13(offer(t, e, pol)); len(got) != 0 {
		t.Errorf("with an empty list %x is offered, want none", got)
	}
	pol.MinVersion = tls.VersionTLS13
	ours, _ := tcpPair(t)
	_, err := e.Handshake(wontHang(t), ours, &engine.Request{Name: "a.example", Policy: pol})
	failure(t, err, engine.Refused, "the policy and the program's settings leave no TLS version to use")
}

// Each server picks from its own list, in its order, and refuses a client that
// has none of it.
func TestChosenSuites13(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	id := makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	e := local.New(local.Config{})
	type attempt struct {
		client, server []uint16
		want           uint16 // 0: refused
	}
	attempts := []attempt{
		{[]uint16{aes128, aes256, chacha}, []uint16{aes256}, aes256},
		{[]uint16{aes128, aes256, chacha}, []uint16{chacha, aes128}, chacha},
		{[]uint16{aes128, aes256, chacha}, []uint16{aes256, aes128, chacha}, aes256},
		{[]uint16{chacha, aes128}, []uint16{aes128, chacha}, aes128},
		{[]uint16{chacha}, nil, chacha},
		{[]uint16{aes256}, nil, aes256},
		{[]uint16{chacha}, []uint16{aes256}, 0},
		{[]uint16{aes128}, []uint16{chacha}, 0},
	}
	hellos := make([][]byte, len(attempts))
	for i, at := range attempts {
		hellos[i] = offer(t, e, suitePolicy(at.client...))
	}
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			for i := range attempts {
				i = (i + worker) % len(attempts)
				at := attempts[i]
				got, err := choice(t, e, suitePolicy(at.server...), id, hellos[i])
				if got != at.want {
					t.Errorf("client %x, server %x: suite %x was chosen, want %x", at.client, at.server, got, at.want)
				}
				want := "the client closed the connection during the handshake"
				if at.want == 0 {
					want = "the TLS handshake went wrong: no cipher suite supported by both client and server; client offered: "
				}
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("client %x, server %x: error %v, want %s...", at.client, at.server, err, want)
				}
			}
		})
	}
	wg.Wait()
}

// The lists are honoured in whole handshakes too. The peer is another process,
// since the lists of crypto/tls are this process's.
func TestSuites13AgainstOpenSSL(t *testing.T) {
	ssatest.Need(t, "openssl")
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	addr, _ := sServer(t, issued, "-tls1_3", "-rev")
	e := local.New(local.Config{})
	for _, suite := range []uint16{aes128, aes256, chacha} {
		tcp, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		pol := effective(a)
		pol.CipherSuites13 = []uint16{suite}
		conn, err := e.Handshake(wontHang(t), tcp.(*net.TCPConn),
			&engine.Request{Name: "a.example", Policy: pol})
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.Facts().CipherSuite; got != suite {
			t.Errorf("suite %s, want %s", tls.CipherSuiteName(got), tls.CipherSuiteName(suite))
		}
		conn.Abort()
	}

	for _, suite := range []uint16{aes128, aes256, chacha} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		cmd := exec.Command("openssl", "s_client", "-connect", listener.Addr().String(), "-tls1_3",
			"-servername", "a.example", "-CAfile", a.File(t))
		var output strings.Builder
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		tcp, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		pol := suitePolicy(suite)
		conn, err := e.Handshake(wontHang(t), tcp.(*net.TCPConn),
			&engine.Request{Role: engine.Server, Policy: pol,
				Identities: []*identity.Identity{makeIdentity(t, issued)}})
		if err != nil {
			t.Fatal(err)
		}
		conn.Abort()
		// It may be still writing when we are gone: what it says is what counts.
		_ = cmd.Wait()
		if want := "Cipher is " + tls.CipherSuiteName(suite); !strings.Contains(output.String(), want) {
			t.Errorf("openssl did not say %q, but:\n%s", want, output.String())
		}
	}
}
