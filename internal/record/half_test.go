package record

import (
	"bytes"
	"crypto/tls"
	"errors"
	"testing"
)

var suites = []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256}

// pair returns two halves under one secret.
func pair(t testing.TB, id uint16, seq uint64) (out, in *Half) {
	t.Helper()
	s := suiteOf(id)
	out, err := newHalf(s, bytes.Repeat([]byte{7}, s.hash().Size()), seq)
	if err != nil {
		t.Fatal(err)
	}
	return out, out.Twin()
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
					in.Rest() // changes nothing
					out.Rest()
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
	if _, err := out.Seal(make([]byte, 100), Handshake, data[:2]); err != nil || string(data) != "abc" {
		t.Errorf("sealing left %q, %v", data, err)
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
		header := makeHeader(len(c.inner) + tagLen)
		sealed := out.aead.Seal(header[:], out.nextNonce(), c.inner, header[:])
		if _, _, err := in.Open(make([]byte, len(sealed)), sealed); err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestNumbersEnd(t *testing.T) {
	out, in := pair(t, suites[0], ^uint64(0))
	if _, err := out.Seal(make([]byte, 100), Handshake, make([]byte, 1, 2)); !errors.Is(err, errUsedUp) {
		t.Errorf("sealing with the last number: %v", err)
	}
	if _, _, err := in.Open(make([]byte, 100), make([]byte, 100)); err == nil {
		t.Error("opening with the last number works")
	}
	if out, _ := pair(t, suites[0], gcmLimit-1); out.Exhausted() {
		t.Error("keys are used up too early")
	}
	if out, _ := pair(t, suites[0], gcmLimit); !out.Exhausted() {
		t.Error("keys are not used up")
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
