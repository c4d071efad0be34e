package record

import (
	"bytes"
	"crypto/tls"
	"errors"
	"testing"
)

var suites = []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384,
	tls.TLS_CHACHA20_POLY1305_SHA256}

// pair returns two halves under one secret.
func pair(t testing.TB, id uint16, seq uint64) (out, in *Half) {
	t.Helper()
	s := suiteOf(id)
	out, err := newHalf(s, bytes.Repeat([]byte{7}, s.hash().Size()), seq)
	if err != nil {
		t.Fatal(err)
	}
	return out, out.Clone()
}

// seal returns a record that carries data.
func seal(t testing.TB, h *Half, contentType byte, data []byte) []byte {
	t.Helper()
	sealed := make([]byte, len(data)+Overhead)
	n, err := h.Seal(sealed, contentType, append(make([]byte, 0, len(data)+1), data...))
	if err != nil || n != len(sealed) {
		t.Fatalf("sealing %d bytes gave %d, %v, want %d", len(data), n, err, len(sealed))
	}
	return sealed
}

func TestSealAndOpen(t *testing.T) {
	for _, id := range suites {
		t.Run(tls.CipherSuiteName(id), func(t *testing.T) {
			out, in := pair(t, id, 41)
			for _, size := range []int{0, 1, 2, 1000, MaxPlaintext} {
				data := bytes.Repeat([]byte{'x'}, size)
				for range 2 {
					sealed := seal(t, out, ApplicationData, data)
					contentType, got, err := in.Open(make([]byte, len(sealed)), sealed)
					if err != nil || contentType != ApplicationData || !bytes.Equal(got, data) {
						t.Fatalf("%d bytes: opened type %d, %d bytes, %v", size, contentType, len(got), err)
					}
					in.DropKeys() // changes nothing
					out.DropKeys()
				}
				if err := errors.Join(in.Update(), out.Update()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Data has a byte after it that is the caller's.
func TestSealPutsTheSpareByteBack(t *testing.T) {
	out, _ := pair(t, suites[0], 0)
	data := []byte("abc")
	if _, err := out.Seal(make([]byte, 100), Handshake, data[:2]); err != nil ||
		string(data) != "abc" {
		t.Errorf("sealing left %q, %v", data, err)
	}
}

// A result that does not fit into its place is none.
func TestNoRoom(t *testing.T) {
	out, in := pair(t, suites[0], 0)
	data := make([]byte, 10, 11)
	if n, err := out.Seal(make([]byte, len(data)+Overhead-1), Handshake, data); n != 0 ||
		err != errNoRoom {
		t.Errorf("sealing into too little: %d, %v", n, err)
	}
	if n, err := out.Seal(make([]byte, 100), Handshake, data[:10:10]); n != 0 || err != errNoRoom {
		t.Errorf("sealing without a byte to spare: %d, %v", n, err)
	}
	long := make([]byte, MaxPlaintext+2)
	if n, err := out.Seal(make([]byte, len(long)+Overhead), Handshake,
		long[:MaxPlaintext+1]); n != 0 || err != errNoRoom {
		t.Errorf("sealing more than a record carries: %d, %v", n, err)
	}
	sealed := seal(t, out, Handshake, data)
	if _, _, err := in.Open(make([]byte, len(data)), sealed); err != InternalError {
		t.Errorf("opening into too little: %v", err)
	}
	if _, got, err := in.Open(make([]byte, len(sealed)), sealed); err != nil ||
		!bytes.Equal(got, data) {
		t.Errorf("none of that may use up a number: %q, %v", got, err)
	}
}

// Nothing that was changed, repeated, left out or sealed with other keys opens.
func TestOpenRefuses(t *testing.T) {
	for _, id := range suites {
		out, in := pair(t, id, 0)
		good := seal(t, out, ApplicationData, []byte("good"))
		next := seal(t, out, ApplicationData, []byte("next"))
		if err := out.Update(); err != nil {
			t.Fatal(err)
		}
		renewed := seal(t, out, ApplicationData, []byte("renewed"))
		open := func(sealed []byte) error {
			_, _, err := in.Open(make([]byte, len(sealed)), bytes.Clone(sealed))
			return err
		}
		for i := range good {
			changed := bytes.Clone(good)
			changed[i] ^= 1
			if err := open(changed); err == nil {
				t.Errorf("suite %#x: opens with byte %d changed", id, i)
			}
		}
		for n := HeaderLen; n < len(good); n++ {
			if err := open(good[:n]); err != BadRecordMAC {
				t.Errorf("suite %#x: cut to %d bytes: %v", id, n, err)
			}
		}
		for what, sealed := range map[string][]byte{"the second": next, "renewed": renewed} {
			if err := open(sealed); err != BadRecordMAC {
				t.Errorf("suite %#x: %s instead of the first: %v", id, what, err)
			}
		}
		if err := open(good); err != nil {
			t.Errorf("suite %#x: does not open after what was refused: %v", id, err)
		}
		if err := open(good); err != BadRecordMAC {
			t.Errorf("suite %#x: opens again: %v", id, err)
		}
	}
}

// What a peer may seal wrongly.
func TestOpenRefusesForm(t *testing.T) {
	for name, c := range map[string]struct {
		inner []byte
		want  error
	}{
		"no content type":     {make([]byte, 10), UnexpectedMessage},
		"empty":               {nil, UnexpectedMessage},
		"more than a record":  {append(make([]byte, MaxPlaintext+1), ApplicationData), RecordOverflow},
		"padded over a limit": {append([]byte{'x', ApplicationData}, make([]byte, MaxPlaintext)...), RecordOverflow},
		"padded":              {[]byte{'x', ApplicationData, 0, 0, 0}, nil},
		"full and its type":   {append(make([]byte, MaxPlaintext), ApplicationData), nil},
	} {
		out, in := pair(t, suites[0], 0)
		sealed := sealAs(out, ApplicationData, c.inner)
		if _, _, err := in.Open(make([]byte, len(sealed)), sealed); err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	out, in := pair(t, suites[0], 0)
	sealed := sealAs(out, Handshake, []byte{'x', ApplicationData})
	if _, _, err := in.Open(make([]byte, len(sealed)), sealed); err != UnexpectedMessage {
		t.Errorf("another type outside: %v", err)
	}
	for n, want := range map[int]Alert{MaxCiphertext: BadRecordMAC,
		MaxCiphertext + 1: RecordOverflow} {
		header := makeHeader(n)
		sealed := append(header[:], make([]byte, n)...)
		if _, _, err := in.Open(make([]byte, len(sealed)), sealed); err != want {
			t.Errorf("%d bytes of nothing: %v, want %v", n, err, want)
		}
	}
}

// sealAs seals whatever there is, under whatever type in the header.
func sealAs(h *Half, headerType byte, inner []byte) []byte {
	header := makeHeader(len(inner) + tagLen)
	header[0] = headerType
	return h.aead.Seal(header[:], h.nextNonce(), inner, header[:])
}

func TestNumbersEnd(t *testing.T) {
	out, in := pair(t, suites[0], ^uint64(0))
	if _, err := out.Seal(make([]byte, 100), Handshake, make([]byte, 1, 2)); !errors.Is(err,
		errUsedUp) {
		t.Errorf("sealing with the last number: %v", err)
	}
	sealed := sealAs(out, ApplicationData, []byte{'x', ApplicationData})
	if _, _, err := in.Open(make([]byte, len(sealed)), sealed); err == nil {
		t.Error("opening with the last number works")
	}
	if out, _ = pair(t, suites[0], ^uint64(0)-1); len(seal(t, out, Handshake, nil)) != Overhead {
		t.Error("sealing with the last number but one does not work")
	}
	if _, err := out.Seal(make([]byte, 100), Handshake, make([]byte, 1, 2)); !errors.Is(err,
		errUsedUp) {
		t.Errorf("sealing after that: %v", err)
	}
}

func TestExhausted(t *testing.T) {
	for _, c := range []struct {
		suite uint16
		seq   uint64
		want  bool
	}{
		{tls.TLS_AES_128_GCM_SHA256, 1<<24 - 1, false},
		{tls.TLS_AES_128_GCM_SHA256, 1 << 24, true},
		{tls.TLS_AES_256_GCM_SHA384, 1<<24 - 1, false},
		{tls.TLS_AES_256_GCM_SHA384, 1 << 24, true},
		{tls.TLS_CHACHA20_POLY1305_SHA256, 1 << 60, false},
	} {
		out, clone := pair(t, c.suite, c.seq)
		if out.Exhausted() != c.want || clone.Exhausted() != c.want {
			t.Errorf("%s after %d records: exhausted is %v", tls.CipherSuiteName(c.suite), c.seq, !c.want)
		}
		if err := out.Update(); err != nil || out.Exhausted() {
			t.Errorf("%s is exhausted after an update, or %v", tls.CipherSuiteName(c.suite), err)
		}
	}
}

// Whoever learns the secret of today does not learn that of yesterday.
func TestUpdateForgets(t *testing.T) {
	out, clone := pair(t, suites[0], 0)
	before := out.secret
	if err := out.Update(); err != nil || !bytes.Equal(before, make([]byte, len(before))) {
		t.Errorf("the secret before an update is kept: %x, %v", before, err)
	}
	if bytes.Equal(clone.secret, before) {
		t.Error("the clone has lost its secret")
	}
}

func TestEncodeAlert(t *testing.T) {
	for alert, want := range map[Alert][]byte{CloseNotify: {1, 0}, UserCanceled: {1, 90},
		BadRecordMAC: {2, 20}, InternalError: {2, 80}} {
		if got := alert.Encode(); !bytes.Equal(got, want) {
			t.Errorf("%v is %v, want %v", alert, got, want)
		}
	}
}

// FuzzOpen holds that only what was sealed opens.
func FuzzOpen(f *testing.F) {
	out, _ := pair(f, suites[0], 0)
	f.Add([]byte{ApplicationData, 3, 3, 0, 0})
	f.Add(seal(f, out, ApplicationData, []byte("sealed")))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < HeaderLen {
			return // not a complete record
		}
		out, in := pair(t, suites[0], 0)
		dst := make([]byte, len(data))
		contentType, got, err := in.Open(dst, data)
		if err != nil {
			return
		}
		if again := seal(t, out, contentType, got); !bytes.Equal(again, data) && len(again) == len(data) {
			t.Errorf("opened %x, which nobody sealed", data)
		}
	})
}
