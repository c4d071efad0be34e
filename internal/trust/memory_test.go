package trust_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// What was verified once is verified again when anything it depends on
// changes, the time included.
func TestRememberedVerification(t *testing.T) {
	root := ssatest.NewAuthority(t)
	start := time.Now()
	end := start.Add(time.Minute)
	leaf := ssatest.Leaf{Names: []string{"a.example"}, NotBefore: start.Add(-time.Second),
		NotAfter: end}
	chain := chainOf(t, root.Issue(t, leaf))
	v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
		RootsFrom: "the test's store"})
	if _, err := v.Verify(chain, "a.example", start); err != nil {
		t.Fatalf("first: %v", err)
	}
	again, err := v.Verify(chain, "a.example", start.Add(30*time.Second))
	if err != nil {
		t.Fatalf("again: %v", err)
	}
	if again.Identity != "a.example" || !again.NotAfter.Equal(chain[0].NotAfter) {
		t.Errorf("again: %+v, want a.example until %v", again, chain[0].NotAfter)
	}
	for name, attempt := range map[string]struct {
		chain []*x509.Certificate
		host  string
		at    time.Time
		cause trust.Cause
	}{
		"another name":         {chain, "b.example", start, trust.WrongName},
		"another certificate":  {chainOf(t, ssatest.NewAuthority(t).Issue(t, leaf)), "a.example", start, trust.UnknownAnchor},
		"after it expired":     {chain, "a.example", end.Add(time.Second), trust.Expired},
		"clock set back":       {chain, "a.example", start.Add(-time.Hour), trust.NotYetValid},
		"name moved into host": {chain[:1], "a.exampl", start, trust.WrongName},
	} {
		_, err := v.Verify(attempt.chain, attempt.host, attempt.at)
		if cause, ok := trust.CauseOf(err); !ok || cause != attempt.cause {
			t.Errorf("%s: error %v, want cause %v", name, err, attempt.cause)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	root := ssatest.NewAuthority(b)
	chain := chainOf(b, root.Intermediate(b).Issue(b, ssatest.Leaf{Names: []string{"a.example"}}))
	for name, fresh := range map[string]bool{"remembered": false, "built": true} {
		b.Run(name, func(b *testing.B) {
			v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool})
			at := time.Now()
			for b.Loop() {
				if fresh {
					v = trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool})
				}
				if _, err := v.Verify(chain, "a.example", at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
