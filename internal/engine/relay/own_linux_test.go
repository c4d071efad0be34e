package relay

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine/record"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// rawPeer is a peer that seals what it likes.
type rawPeer struct {
	*rig
	in, out *record.Half
}

func newRawPeer(t testing.TB) *rawPeer { return newRawPeerOf(t, rigOptions{}) }

func newRawPeerOf(t testing.TB, opts rigOptions) *rawPeer {
	t.Helper()
	r := newRig(t, opts)
	c, err := record.Established(r.peer)
	must(t, err)
	return &rawPeer{r, c.In, c.Out}
}

func (p *rawPeer) send(t testing.TB, contentType byte, data []byte) {
	t.Helper()
	sealed := make([]byte, len(data)+record.Overhead)
	_, err := p.out.Seal(sealed, contentType, append(make([]byte, 0, len(data)+1), data...))
	must(t, err)
	mustWrite(t, p.peerTCP, sealed)
}

// next opens a record of the relay's.
func (p *rawPeer) next(t testing.TB) (contentType byte, data []byte, size int) {
	t.Helper()
	sealed := make([]byte, headerLen+record.MaxCiphertext)
	_, err := io.ReadFull(p.peerTCP, sealed[:headerLen])
	must(t, err)
	n := headerLen + int(sealed[3])<<8 + int(sealed[4])
	_, err = io.ReadFull(p.peerTCP, sealed[headerLen:n])
	must(t, err)
	contentType, data, err = p.in.Open(make([]byte, n), sealed[:n])
	must(t, err)
	return contentType, data, n
}

// TLS 1.3 records are our own, those before are crypto/tls's.
func TestWhoseRecords(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		_, own := newRig(t, opts).relay.records.(*ownRecords)
		if own != (opts.version != tls.VersionTLS12) {
			t.Errorf("the records are our own: %v", own)
		}
	})
}

// A peer that breaks the protocol hears so, after what was good was delivered.
func TestHostileRecords(t *testing.T) {
	updates := bytes.Repeat([]byte{keyUpdate, 0, 0, 1, 0}, 2)
	for name, c := range map[string]struct {
		send func(t *testing.T, p *rawPeer)
		want record.Alert
	}{
		"garbage":               {func(t *testing.T, p *rawPeer) { mustWrite(t, p.peerTCP, []byte("GET / HTTP/1.0\r\n")) }, record.ProtocolVersion},
		"plain alert":           {func(t *testing.T, p *rawPeer) { mustWrite(t, p.peerTCP, []byte{21, 3, 3, 0, 2, 1, 0}) }, record.UnexpectedMessage},
		"unknown type":          {func(t *testing.T, p *rawPeer) { mustWrite(t, p.peerTCP, []byte{99, 3, 3, 0, 1, 0}) }, record.UnexpectedMessage},
		"unknown, header alone": {func(t *testing.T, p *rawPeer) { mustWrite(t, p.peerTCP, []byte{99, 3, 3, 1, 0}) }, record.UnexpectedMessage},
		"too long":              {func(t *testing.T, p *rawPeer) { mustWrite(t, p.peerTCP, []byte{23, 3, 3, 0x41, 1}) }, record.RecordOverflow},
		"not authentic": {func(t *testing.T, p *rawPeer) {
			mustWrite(t, p.peerTCP, append([]byte{23, 3, 3, 0, 30}, make([]byte, 30)...))
		}, record.BadRecordMAC},
		"CCS":                {func(t *testing.T, p *rawPeer) { mustWrite(t, p.peerTCP, []byte{20, 3, 3, 0, 1, 1}) }, record.UnexpectedMessage},
		"wrong CCS":          {func(t *testing.T, p *rawPeer) { mustWrite(t, p.peerTCP, []byte{20, 3, 3, 0, 1, 2}) }, record.UnexpectedMessage},
		"long CCS":           {func(t *testing.T, p *rawPeer) { mustWrite(t, p.peerTCP, []byte{20, 3, 3, 0, 2, 1, 1}) }, record.UnexpectedMessage},
		"empty CCS":          {func(t *testing.T, p *rawPeer) { mustWrite(t, p.peerTCP, []byte{20, 3, 3, 0, 0}) }, record.UnexpectedMessage},
		"wrong version":      {func(t *testing.T, p *rawPeer) { mustWrite(t, p.peerTCP, []byte{23, 3, 1, 0, 1, 0}) }, record.ProtocolVersion},
		"empty handshake":    {func(t *testing.T, p *rawPeer) { p.send(t, record.Handshake, nil) }, record.UnexpectedMessage},
		"endless message":    {func(t *testing.T, p *rawPeer) { p.send(t, record.Handshake, []byte{4, 0xff, 0xff, 0xff}) }, record.InternalError},
		"too long a message": {func(t *testing.T, p *rawPeer) { p.send(t, record.Handshake, []byte{keyUpdate, 1, 0, 1}) }, record.InternalError},
		"longest message": {func(t *testing.T, p *rawPeer) {
			p.send(t, record.Handshake, []byte{keyUpdate, 1, 0, 0})
			for range maxMessage / maxPlaintext {
				p.send(t, record.Handshake, make([]byte, maxPlaintext))
			}
		}, record.DecodeError},
		"unknown message":   {func(t *testing.T, p *rawPeer) { p.send(t, record.Handshake, []byte{1, 0, 0, 1, 0}) }, record.UnexpectedMessage},
		"wrong key update":  {func(t *testing.T, p *rawPeer) { p.send(t, record.Handshake, []byte{keyUpdate, 0, 0, 1, 2}) }, record.IllegalParameter},
		"long key update":   {func(t *testing.T, p *rawPeer) { p.send(t, record.Handshake, []byte{keyUpdate, 0, 0, 2, 0, 0}) }, record.DecodeError},
		"empty update":      {func(t *testing.T, p *rawPeer) { p.send(t, record.Handshake, []byte{keyUpdate, 0, 0, 0}) }, record.DecodeError},
		"update goes on":    {func(t *testing.T, p *rawPeer) { p.send(t, record.Handshake, updates) }, record.UnexpectedMessage},
		"wrong ticket":      {func(t *testing.T, p *rawPeer) { p.send(t, record.Handshake, []byte{4, 0, 0, 1, 0}) }, record.DecodeError},
		"short alert":       {func(t *testing.T, p *rawPeer) { p.send(t, record.AlertType, []byte{1}) }, record.UnexpectedMessage},
		"long alert":        {func(t *testing.T, p *rawPeer) { p.send(t, record.AlertType, []byte{1, 0, 0}) }, record.UnexpectedMessage},
		"no alert":          {func(t *testing.T, p *rawPeer) { p.send(t, record.AlertType, nil) }, record.UnexpectedMessage},
		"sealed CCS":        {func(t *testing.T, p *rawPeer) { p.send(t, record.ChangeCipherSpec, []byte{1}) }, record.UnexpectedMessage},
		"too much nothing":  {func(t *testing.T, p *rawPeer) { p.sendOften(t, record.ApplicationData, nil) }, record.UnexpectedMessage},
		"too many warnings": {func(t *testing.T, p *rawPeer) { p.sendOften(t, record.AlertType, []byte{1, 90}) }, record.UnexpectedMessage},
		"data in a message": {func(t *testing.T, p *rawPeer) {
			p.send(t, record.Handshake, []byte{4, 0})
			p.send(t, record.ApplicationData, []byte("x"))
		}, record.UnexpectedMessage},
		"an end in a message": {func(t *testing.T, p *rawPeer) {
			p.send(t, record.Handshake, []byte{4, 0})
			p.send(t, record.AlertType, record.CloseNotify.Encode())
		}, record.UnexpectedMessage},
	} {
		t.Run(name, func(t *testing.T) {
			p := newRawPeer(t)
			p.send(t, record.ApplicationData, []byte("good"))
			c.send(t, p)
			contentType, data, _ := p.next(t)
			if contentType != record.AlertType || !bytes.Equal(data, c.want.Encode()) {
				t.Errorf("the peer got type %d %v, want %v", contentType, data, c.want)
			}
			got := make([]byte, 10)
			if n, err := p.program.Read(got); err != nil || string(got[:n]) != "good" {
				t.Errorf("the program read %q, %v", got[:n], err)
			}
			var local *net.OpError
			if end := p.expectEnd(t, c.want); !errors.As(end.Err, &local) || local.Op != "local error" {
				t.Errorf("the end is %v", end.Err)
			}
		})
	}
}

// What the handshake needed is kept for a few tickets, and no longer than until
// the connection is idle. Later ones are not even looked at.
func TestTicketsEnd(t *testing.T) {
	t.Run("after enough", func(t *testing.T) {
		p := newRawPeer(t)
		body := append(make([]byte, 9), 0, 1, 'x', 0, 0) // lifetime, age, nonce; ticket, extensions
		for n := range maxTickets {
			if !p.looksAtTickets() {
				t.Errorf("after %d tickets none is looked at", n)
			}
			p.send(t, record.Handshake, append([]byte{newSessionTicket, 0, 0, byte(len(body))}, body...))
			p.ping(t)
		}
		p.expectTicketsIgnored(t)
	})
	t.Run("idle", func(t *testing.T) {
		set := NewIdleSet()
		t.Cleanup(set.Close)
		p := newRawPeerOf(t, rigOptions{change: func(c *Config) { c.Idle = set }})
		o := p.relay.records.(*ownRecords)
		o.mu.Lock() // as while records are being opened
		p.awaitIdle(t)
		o.mu.Unlock()
		ssatest.Await(t, "it drops them once it is idle", func() bool { return !p.looksAtTickets() })
		p.expectTicketsIgnored(t)
	})
}

func (p *rawPeer) expectTicketsIgnored(t *testing.T) {
	t.Helper()
	p.send(t, record.Handshake, []byte{newSessionTicket, 0, 0, 1, 0})
	p.ping(t)
	if p.looksAtTickets() {
		t.Error("tickets are looked at")
	}
}

// ping sends data and waits for it to arrive.
func (p *rawPeer) ping(t *testing.T) {
	t.Helper()
	p.send(t, record.ApplicationData, []byte("x"))
	if n, err := p.program.Read(make([]byte, 2)); n != 1 || err != nil {
		t.Fatalf("the program read %d bytes, %v", n, err)
	}
}

func (p *rawPeer) looksAtTickets() bool {
	o := p.relay.records.(*ownRecords)
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tickets.conn != nil
}

// Only servers give tickets.
func TestTicketFromClient(t *testing.T) {
	p := newRawPeerOf(t, rigOptions{server: true})
	p.send(t, record.Handshake, []byte{newSessionTicket, 0, 0, 1, 0})
	p.expectRecord(t, record.AlertType, record.UnexpectedMessage.Encode())
	p.expectEnd(t, record.UnexpectedMessage)
}

// sendOften sends once more than may be.
func (p *rawPeer) sendOften(t testing.TB, contentType byte, data []byte) {
	for range maxUseless + 1 {
		p.send(t, contentType, data)
	}
}

func TestPeersAlert(t *testing.T) {
	p := newRawPeer(t)
	p.send(t, record.AlertType, []byte{2, 116})
	var remote *net.OpError
	if end := p.expectEnd(t, record.Alert(116)); !errors.As(end.Err, &remote) ||
		remote.Op != "remote error" {
		t.Errorf("the end is %v", end.Err)
	}
}

// Records that bring nothing are no harm as long as they are few; a message
// may come in parts; keys are renewed, and ours when asked.
func TestHarmlessRecords(t *testing.T) {
	p := newRawPeer(t)
	p.send(t, record.AlertType, []byte{1, 90})
	p.send(t, record.ApplicationData, nil)
	p.send(t, record.Handshake, []byte{keyUpdate, 0})
	p.send(t, record.Handshake, []byte{0, 1, 1})
	must(t, p.out.Update())
	if contentType, data, _ := p.next(t); contentType != record.Handshake ||
		!bytes.Equal(data, []byte{keyUpdate, 0, 0, 1, 0}) {
		t.Fatalf("the answer to a key update is type %d: %v", contentType, data)
	}
	must(t, p.in.Update())
	p.send(t, record.ApplicationData, []byte("renewed"))
	got := make([]byte, 10)
	if n, err := p.program.Read(got); err != nil || string(got[:n]) != "renewed" {
		t.Fatalf("the program read %q, %v", got[:n], err)
	}
	mustWrite(t, p.program, []byte("answer"))
	if _, data, _ := p.next(t); string(data) != "answer" {
		t.Errorf("the peer read %q", data)
	}
}

// The first records are small, and they grow.
func TestRecordsGrow(t *testing.T) {
	p := newRawPeer(t)
	const total = 1 << 20
	go func() { mustWriteInGoroutine(t, p.program, make([]byte, total)) }()
	for read, sizes := 0, 0; read < total; sizes++ {
		_, data, n := p.next(t)
		if sizes < 2 && n > 1400 {
			t.Errorf("record %d has %d bytes, more than a segment", sizes, n)
		}
		read += len(data)
	}
	z := sizer{sent: 1 << 20, last: time.Unix(100, 0)}
	if z.begin(time.Unix(100, 1)); z.limit() != maxPlaintext {
		t.Errorf("after much data the limit is %d", z.limit())
	}
	if z.begin(time.Unix(102, 0)); z.limit() != firstRecord {
		t.Errorf("after a pause the limit is %d", z.limit())
	}
}

// After the handshake nothing of crypto/tls leaves, and nothing reaches it.
func TestDisowned(t *testing.T) {
	r := unstartedRig(t, rigOptions{})
	conn := r.relay.records.(*ownRecords).tickets.conn
	if _, err := conn.Write([]byte("must not leave")); err != nil {
		t.Fatal(err)
	}
	r.start(t)
	mustWrite(t, r.program, []byte("from the program"))
	got := make([]byte, 100)
	if n, err := r.peer.Read(got); err != nil || string(got[:n]) != "from the program" {
		t.Errorf("the peer read %q, %v", got[:n], err)
	}
}

// TestTooLongATicket: a ticket for more than a week is of no use, and no harm.
func TestTooLongATicket(t *testing.T) {
	p := newRawPeer(t)
	p.send(t, record.Handshake, []byte{newSessionTicket, 0, 0, 13, 0, 9, 0x3a, 0x81, 0, 0, 0, 0, 0,
		0, 0, 0, 0})
	p.ping(t)
}

// TestForgedHelloRequest: in TLS 1.2 nothing is passed over that the server did
// not send as what it looks like.
func TestForgedHelloRequest(t *testing.T) {
	const explicit, tag = 8, 16
	r := newRig(t, rigOptions{version: tls.VersionTLS12})
	mustWrite(t, r.peerTCP, append([]byte{record.Handshake, 3, 3, 0, explicit + 4 + tag},
		make([]byte, explicit+4+tag)...))
	end := r.end()
	if end.Err == nil || !strings.Contains(end.Err.Error(), "bad record MAC") {
		t.Errorf("the relay ended with %v", end.Err)
	}
}
