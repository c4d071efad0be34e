package transparency

import (
	"bytes"
	"crypto/x509"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// FuzzWithoutTimestamps: once the timestamps are out there are none, and what
// has none stays as it is, if it is DER.
func FuzzWithoutTimestamps(f *testing.F) {
	root := ssatest.NewAuthority(f)
	leaf := ssatest.Leaf{Names: []string{"a.example"}}
	f.Add(root.IssueLogged(f, leaf, ssatest.NewLog(f, "a", "A")).Leaf().RawTBSCertificate)
	f.Add(root.Issue(f, leaf).Leaf().RawTBSCertificate)
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := withoutTimestamps(data)
		if err != nil {
			return
		}
		twice, err := withoutTimestamps(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("taking timestamps out of\n%x\na second time gives\n%x and %v", once, twice, err)
		}
	})
}

func TestWithoutTimestamps(t *testing.T) {
	root := ssatest.NewAuthority(t)
	plain := root.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}).Leaf()
	got, err := withoutTimestamps(plain.RawTBSCertificate)
	if err != nil || !bytes.Equal(got, plain.RawTBSCertificate) {
		t.Errorf("a certificate without timestamps is changed: %x and %v", got, err)
	}
	if list := embedded(&x509.Certificate{}); list != nil {
		t.Errorf("timestamps of no certificate: %x", list)
	}
}
