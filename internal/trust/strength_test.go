package trust_test

import (
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// Whoever forgets to say how large keys must be trusts nobody, rather than
// everybody.
func TestNoKeySizeTrustsNobody(t *testing.T) {
	root := ssatest.NewAuthority(t)
	chain := chainOf(t, root.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	if _, err := trust.New(trust.Config{Roots: root.Pool}).Verify(chain, "a.example",
		time.Now()); err == nil {
		t.Error("a peer is verified without a word on keys")
	}
	if _, err := trust.New(trust.Config{Roots: root.Pool, MinRSABits: 2048,
		MinECDSABits: 256}).Verify(chain, "a.example", time.Now()); err != nil {
		t.Error(err)
	}
}
