package relay

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// FuzzLikeCryptoTLS: whatever records a peer sends, the program reads the same
// and the peer is answered the same as when crypto/tls does the records.
func FuzzLikeCryptoTLS(f *testing.F) {
	for _, script := range [][]byte{
		{0, 9, 0, 200, 3, 1, 0}, {0, 9, 3, 1, 0, 0, 9}, {1, 0, 0, 7, 1, 1, 0, 7}, {1, 2}, {2, 4, 0, 0, 9}, {2, 4, 4, 0, 0, 0, 0, 3},
		{2, 1, 4, 4, 0, 0}, {3, 1, 90, 0, 4}, {3, 2, 40}, {3, 1, 0, 3, 2, 40}, {4, 1, 0, 5}, {4, 2}, {5, 24}, {5, 0}, {6, 30}, {7, 200, 0, 1}, {7, 0, 0, 1},
		bytes.Repeat([]byte{4, 1}, 17), bytes.Repeat([]byte{0, 0}, 17), bytes.Repeat([]byte{1, 0}, 17),
		append(bytes.Repeat([]byte{4, 1}, 16), 0, 3),
		bytes.Repeat([]byte{7, 0}, 17), {2, 2, 24, 0, 2, 3, 0, 1, 0}, {0, 5},
	} {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 80 {
			return
		}
		own, reference := played(t, script, false), played(t, script, true)
		if own != reference {
			t.Errorf("our records: %s\ncrypto/tls:  %s", own, reference)
		}
	})
}

// played says what becomes of a script.
func played(t *testing.T, script []byte, reference bool) string {
	t.Helper()
	var cfg *Config
	r := unstartedRig(t, rigOptions{change: func(c *Config) { cfg = c }})
	established, err := record.Established(r.peer)
	must(t, err)
	p := &rawPeer{r, established.In, established.Out}
	if reference {
		cfg.Wire.disowned.Store(false)
		r.relay.records = &tlsRecords{conn: cfg.TLS, wire: cfg.Wire}
	}
	r.start(t)
	answers := make(chan []byte, 1)
	go func() {
		data, _ := io.ReadAll(p.peerTCP)
		answers <- data
	}()
	for len(script) > 1 {
		script = p.play(t, script)
	}
	_ = p.peerTCP.CloseWrite()
	read, _ := io.ReadAll(p.program)
	_ = p.program.Close()
	end := r.end()
	// To crypto/tls a malformed session ticket is an unexpected message; RFC
	// 8446, section 6.2, calls that a decode_error, and so do we.
	// Likewise, a key update with another value is an illegal_parameter (4.6.3).
	got := strings.ReplaceAll(strings.ReplaceAll(p.opened(<-answers), "[21 0232 ", "[21 020a "),
		"[21 022f ", "[21 020a ")
	return fmt.Sprintf("the program read %x, the end is an error: %v, the peer got %s", read, end.Err != nil, got)
}

// play sends what the beginning of a script says, and returns the rest.
func (p *rawPeer) play(t *testing.T, script []byte) []byte {
	op, n, rest := script[0]%8, int(script[1]), script[2:]
	switch op {
	case 0:
		p.try(record.ApplicationData, bytes.Repeat([]byte{'d'}, n))
	case 1:
		p.try(record.Handshake, []byte{keyUpdate, 0, 0, 1, byte(n % 3)})
		must(t, p.out.Update())
	case 2:
		n = min(n, len(rest))
		p.try(record.Handshake, rest[:n])
		rest = rest[n:]
	case 3:
		description := byte(0)
		if len(rest) > 0 {
			description, rest = rest[0], rest[1:]
		}
		p.try(record.AlertType, []byte{byte(n), description})
	case 4:
		// A change_cipher_spec ends a connection that is established (RFC 8446, 5),
		// but for crypto/tls, which takes some: there is nothing to compare.
	case 5:
		p.try(byte(n), []byte("unknown"))
	case 6:
		_, _ = p.peerTCP.Write(append([]byte{record.ApplicationData, 3, 3, 0, byte(n)},
			make([]byte, n)...))
	case 7: // padded
		p.try(0, append([]byte{'p', record.ApplicationData}, make([]byte, n)...)[1-min(n, 1):])
	}
	return rest
}

// try sends a record, to a relay that may have ended.
func (p *rawPeer) try(contentType byte, data []byte) {
	sealed := make([]byte, len(data)+record.Overhead)
	if _, err := p.out.Seal(sealed, contentType, append(make([]byte, 0, len(data)+1),
		data...)); err == nil {
		_, _ = p.peerTCP.Write(sealed)
	}
}

// opened tells what records carry.
func (p *rawPeer) opened(data []byte) (text string) {
	for len(data) >= headerLen {
		n := headerLen + int(data[3])<<8 + int(data[4])
		contentType, inner, err := p.in.Open(make([]byte, n), data[:min(n, len(data))])
		text += fmt.Sprintf("[%d %x %v]", contentType, inner, err)
		if contentType == record.Handshake && p.in.Update() != nil {
			return text + " no key"
		}
		data = data[min(n, len(data)):]
	}
	return text
}
