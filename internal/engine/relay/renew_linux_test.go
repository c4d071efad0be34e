package relay

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine/record"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// fewRecords is the limit of these tests for one key, so that there is a
// renewal every few records instead of once in 2^24.
const fewRecords = 3

// renewsSoon lowers the limit of a relay that has not started.
func renewsSoon(t testing.TB, r *Relay) *record.Half {
	t.Helper()
	own, ok := r.records.(*ownRecords)
	if !ok {
		t.Fatal("the records are not our own")
	}
	own.seal.out.Limit = fewRecords
	return own.seal.out
}

// roles runs a test with the relay as a client and as a server of TLS 1.3.
func roles(t *testing.T, test func(t *testing.T, opts rigOptions)) {
	t.Run("client", func(t *testing.T) { test(t, rigOptions{}) })
	t.Run("server", func(t *testing.T) { test(t, rigOptions{server: true}) })
}

// flow writes data to w while r gives the same to whoever is there.
func flow(t *testing.T, w io.Writer, r io.Reader, data []byte) (done <-chan struct{}) {
	finished, written := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(written)
		mustWriteInGoroutine(t, w, data)
	}()
	go func() {
		defer close(finished)
		got := make([]byte, len(data))
		if n, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, data) {
			t.Errorf("of %d bytes %d arrived, or they differ: %v", len(data), n, err)
		}
		<-written
	}()
	return finished
}

// Keys that have protected enough are renewed, while bytes flow both ways.
func TestRenewal(t *testing.T) {
	roles(t, func(t *testing.T, opts rigOptions) {
		r := unstartedRig(t, opts)
		out := renewsSoon(t, r.relay)
		r.start(t)
		data := pattern(8 << 20)
		there, back := flow(t, r.program, r.peer, data), flow(t, r.peer, r.program, data)
		<-there
		<-back
		r.peerShutdown(t)
		must(t, r.program.Close())
		r.expectEnd(t, nil)
		if out.Limit = 100; out.Exhausted() {
			t.Error("the keys were not renewed")
		}
	})
}

// Two relays that both renew their keys understand each other.
func TestRenewalBothWays(t *testing.T) {
	a, b := tcpPair(t)
	near, far := NewWire(a), NewWire(b)
	client, server := handshake(t, near, far, rigOptions{})
	ends, programs := make(chan End, 2), [2]net.Conn{}
	for i, cfg := range []Config{{TLS: client, Wire: near}, {TLS: server, Wire: far}} {
		cfg.Plaintext, programs[i] = plaintextPair(t)
		r := New(cfg)
		renewsSoon(t, r)
		go func() { ends <- r.Run() }()
	}
	data := pattern(8 << 20)
	there, back := flow(t, programs[0], programs[1], data), flow(t, programs[1], programs[0], data)
	<-there
	<-back
	must(t, programs[0].Close())
	expectRead(t, "the other program", programs[1], nil, nil)
	must(t, programs[1].Close())
	for range programs {
		if end := <-ends; end.Err != nil || end.SendErr != nil {
			t.Errorf("the end is %+v", end)
		}
	}
}

// A peer that renews its keys all the time and asks for ours each second time
// gets as many answers, in the midst of data and of renewals of our own.
func TestRenewalAskedFor(t *testing.T) {
	roles(t, func(t *testing.T, opts rigOptions) {
		r := unstartedRig(t, opts)
		renewsSoon(t, r.relay)
		c, err := record.Established(r.peer)
		must(t, err)
		p := &rawPeer{r, c.In, c.Out}
		r.start(t)
		back := flow(t, p.program, p.program, pattern(4<<20))
		go func() {
			<-back
			p.program.CloseWrite()
		}()
		if asked, came := p.echo(t); asked < 100 || came < asked {
			t.Errorf("%d key updates were asked for, %d came", asked, came)
		}
		p.send(t, record.AlertType, record.CloseNotify.Encode())
		must(t, p.program.Close())
		p.expectEnd(t, nil)
	})
}

// echo sends data back until the end, each record after a key update. It
// returns for how many of these it has asked, and how many have come.
func (p *rawPeer) echo(t *testing.T) (asked, came int) {
	for asks := byte(0); ; {
		contentType, data, _ := p.next(t)
		switch contentType {
		case record.Handshake:
			if data[0] == keyUpdate {
				came++
				must(t, p.in.Update())
			}
		case record.ApplicationData:
			p.send(t, record.Handshake, []byte{keyUpdate, 0, 0, 1, asks})
			asked += int(asks)
			asks ^= 1
			must(t, p.out.Update())
			p.send(t, record.ApplicationData, data)
		case record.AlertType:
			return asked, came
		}
	}
}

// A connection that is idle renews its keys as any other.
func TestRenewalWhileIdle(t *testing.T) {
	roles(t, func(t *testing.T, opts rigOptions) {
		r := idleRig(t, opts)
		c, err := record.Established(r.peer)
		must(t, err)
		p := &rawPeer{r, c.In, c.Out}
		for range 3 {
			p.send(t, record.Handshake, []byte{keyUpdate, 0, 0, 1, 1})
			must(t, p.out.Update())
			p.expectRecord(t, record.Handshake, []byte{keyUpdate, 0, 0, 1, 0})
			must(t, p.in.Update())
			if !isIdle(r.halves()[0]) {
				t.Error("a key update has woken the sending half")
			}
			p.send(t, record.ApplicationData, []byte("ping"))
			got := make([]byte, 4)
			if _, err := io.ReadFull(r.program, got); err != nil || string(got) != "ping" {
				t.Fatalf("the program read %q, %v", got, err)
			}
			mustWrite(t, r.program, []byte("pong"))
			p.expectRecord(t, record.ApplicationData, []byte("pong"))
			r.awaitIdle(t)
		}
	})
}

// expectRecord fails unless the next record is this, session tickets aside.
func (p *rawPeer) expectRecord(t *testing.T, contentType byte, want []byte) {
	t.Helper()
	got, data, _ := p.next(t)
	for got == record.Handshake && data[0] == newSessionTicket {
		got, data, _ = p.next(t)
	}
	if got != contentType || !bytes.Equal(data, want) {
		t.Fatalf("the peer got type %d %q, want type %d %q", got, data, contentType, want)
	}
}

// OpenSSL takes our renewals, and we take its, asked for or not.
func TestRenewalWithOpenSSL(t *testing.T) {
	ssatest.Need(t, "python3")
	roles(t, func(t *testing.T, opts rigOptions) {
		conn, result := openSSLPeer(t, opts)
		wire := NewWire(conn)
		tlsConn := tls.Client(wire,
			&tls.Config{RootCAs: sharedAuthority(t).Pool(), ServerName: "peer.test"})
		if opts.server {
			tlsConn = tls.Server(wire,
				&tls.Config{Certificates: []tls.Certificate{sharedAuthority(t).server}})
		}
		must(t, tlsConn.Handshake())
		plaintext, program := plaintextPair(t)
		relay := New(Config{TLS: tlsConn, Wire: wire, Plaintext: plaintext})
		renewsSoon(t, relay)
		ended := make(chan End, 1)
		go func() { ended <- relay.Run() }()
		<-flow(t, program, program, pattern(4<<20))
		must(t, program.CloseWrite())
		expectRead(t, "the program", program, nil, nil)
		var sent, asked, received, clean int
		if _, err := fmt.Fscan(result, &sent, &asked, &received, &clean); err != nil {
			t.Fatalf("the peer's counts: %v", err)
		}
		if clean != 1 || asked < 10 || sent < asked*2-1 || received <= asked {
			t.Errorf("the peer sent %d key updates, %d of which ask for one, and received %d; a clean end: %d", sent, asked, received, clean)
		}
		must(t, program.Close())
		if end := <-ended; end.Err != nil || end.SendErr != nil {
			t.Errorf("the end is %+v", end)
		}
	})
}

// openSSLPeer returns a TCP connection to testdata/echo.py and what it prints.
func openSSLPeer(t *testing.T, opts rigOptions) (*net.TCPConn, io.Reader) {
	t.Helper()
	args := []string{"testdata/echo.py", "server", "127.0.0.1", "0", serverPEM(t)}
	var listener net.Listener
	if opts.server {
		var err error
		listener, err = net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer listener.Close()
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		args = []string{"testdata/echo.py", "client", "127.0.0.1", port}
	}
	cmd := exec.Command("python3", args...)
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	result := bufio.NewReader(stdout)
	var conn net.Conn
	if opts.server {
		conn, err = listener.Accept()
	} else {
		var port string
		_, err = fmt.Fscan(result, &port)
		must(t, err)
		conn, err = net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	}
	must(t, err)
	return conn.(*net.TCPConn), result
}

// serverPEM returns a file with a chain and its key.
func serverPEM(t *testing.T) string {
	t.Helper()
	issued := sharedAuthority(t).Issue(t, ssatest.Leaf{Names: []string{"peer.test"}})
	file := filepath.Join(t.TempDir(), "server.pem")
	must(t, os.WriteFile(file, append(issued.ChainPEM, issued.KeyPEM...), 0o600))
	return file
}

// A peer that asks for new keys without end and reads nothing gets no endless
// queue of answers: receiving waits, and ends when the program has gone.
func TestRenewalNeverRead(t *testing.T) {
	roles(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) { c.Stall = 10 * time.Millisecond }
		r := unstartedRig(t, opts)
		c, err := record.Established(r.peer)
		must(t, err)
		p := &rawPeer{r, c.In, c.Out}
		must(t, r.relay.wire.tcp.(*net.TCPConn).SetWriteBuffer(4096))
		r.start(t)
		r.overfill(t)
		var both sync.WaitGroup
		both.Go(func() { _, _ = io.Copy(io.Discard, p.program) })
		both.Go(func() {
			for p.ask() == nil {
			}
		})
		ssatest.Await(t, "TCP takes no more", r.relay.wire.isFull)
		must(t, p.program.Close())
		if end := p.expectEnd(t, nil); !errors.Is(end.SendErr, errStalled) {
			t.Errorf("sending ended with %v, want %v", end.SendErr, errStalled)
		}
		both.Wait()
	})
}

// ask asks for new keys and sends a byte.
func (p *rawPeer) ask() error {
	sealed := make([]byte, 100)
	n, err := p.out.Seal(sealed, record.Handshake, append(make([]byte, 0, 6), keyUpdate, 0, 0, 1, 1))
	if err != nil {
		return err
	}
	if err := p.out.Update(); err != nil {
		return err
	}
	m, err := p.out.Seal(sealed[n:], record.ApplicationData, append(make([]byte, 0, 2), 'x'))
	if err != nil {
		return err
	}
	_, err = p.peerTCP.Write(sealed[:n+m])
	return err
}

// isFull says whether no more answers can wait behind what is being sent.
func (w *Wire) isFull() bool {
	w.outMu.Lock()
	defer w.outMu.Unlock()
	return w.sending && w.pending != nil && len(w.pending.free()) < 5+record.Overhead
}
