package graph_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust"
	"github.com/secure-socket-api/ssa/internal/trust/revocation"
	"github.com/secure-socket-api/ssa/test/trust/graph"
)

const (
	graphs   = 300
	maxPaths = 16
)

var update = flag.Bool("update", false, "write docs/trust-differential.md")

// ours is what our own verification says of a graph: the path it accepts, or
// why there is none.
func ours(t *testing.T, g *graph.Graph, dir string, now time.Time) ([]*graph.Certificate, error) {
	t.Helper()
	roots := x509.NewCertPool()
	for _, c := range g.Roots {
		roots.AddCert(c.Certificate)
	}
	rules := revocation.Rules{Lists: true, Timeout: time.Second}
	for i, a := range g.Authorities {
		if a.List != nil {
			rules.Files = append(rules.Files, write(t, dir, fmt.Sprintf("%d.crl", i), a.List))
		}
	}
	v := trust.New(trust.Config{
		MinRSABits: 2048, MinECDSABits: 256,
		Roots: func() *x509.CertPool { return roots }, MaxDepth: 10,
		Revocation:  trust.RevocationRequire,
		Revocations: revocation.New(revocation.Config{}).Under(rules),
	})
	chain := []*x509.Certificate{g.Leaf.Certificate}
	for _, c := range g.Sent {
		chain = append(chain, c.Certificate)
	}
	result, err := v.VerifyPeer(context.Background(), trust.Peer{Chain: chain, Name: graph.Host}, now)
	slices.Reverse(chain[1:])
	if _, again := v.VerifyPeer(context.Background(), trust.Peer{Chain: chain, Name: graph.Host},
		now); (again == nil) != (err == nil) {
		t.Errorf("seed %d: %v, and %v when the certificates come in another order", g.Seed, err, again)
	}
	if err != nil {
		return nil, err
	}
	var path []*graph.Certificate
	for _, cert := range result.Chain {
		for _, c := range slices.Concat([]*graph.Certificate{g.Leaf}, g.Sent, g.Roots) {
			if c.Equal(cert) {
				path = append(path, c)
			}
		}
	}
	return path, nil
}

// openssl is what openssl verify says of some certificates; it returns what it
// complained about.
func openssl(t *testing.T, g *graph.Graph, dir string,
	sent, roots []*graph.Certificate) (bool, string) {
	t.Helper()
	var lists bytes.Buffer
	for _, a := range g.Authorities {
		if a.List != nil {
			lists.Write(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: a.List}))
		}
	}
	args := []string{"verify", "-no-CAfile", "-no-CApath", "-no-CAstore", "-trusted",
		write(t, dir, "roots.pem", pemOf(roots)),
		"-purpose", "sslserver", "-verify_hostname", graph.Host, "-auth_level", "2", "-policy_check"}
	if len(sent) > 0 {
		args = append(args, "-untrusted", write(t, dir, "sent.pem", pemOf(sent)))
	}
	if lists.Len() > 0 {
		args = append(args, "-CRLfile", write(t, dir, "lists.pem", lists.Bytes()))
	}
	args = append(args, "-crl_check_all",
		write(t, dir, "leaf.pem", pemOf([]*graph.Certificate{g.Leaf})))
	out, err := exec.Command("openssl", args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !(asExit(err, &exit) && exit.ExitCode() == 2) {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return err == nil, complaint(string(out))
}

func asExit(err error, target **exec.ExitError) bool {
	exit, ok := err.(*exec.ExitError)
	*target = exit
	return ok
}

// complaint finds the reason in what openssl verify prints: "error 20 at 0
// depth lookup: unable to get local issuer certificate".
func complaint(out string) string {
	for line := range strings.Lines(out) {
		if _, reason, ok := strings.Cut(line, "lookup: "); ok {
			return strings.TrimSpace(reason)
		}
	}
	return ""
}

func pemOf(certs []*graph.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range certs {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return out.Bytes()
}

func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// verdict is what was found of one graph.
type verdict struct {
	seed uint64
	ours error
	// accepted is our path, nil if none.
	accepted []*graph.Certificate
	// whole is what openssl says of all certificates together, and path a way
	// that it accepts when it is given that one alone, nil if none.
	whole       bool
	wholeReason string
	path        []*graph.Certificate
	reason      string // why it refused the last path
	paths       int
	why         string // of a disagreement
}

func judge(t *testing.T, seed uint64, now time.Time) *verdict {
	t.Helper()
	g, err := graph.New(seed, now)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	dir := t.TempDir()
	v := &verdict{seed: seed}
	v.accepted, v.ours = ours(t, g, dir, now)
	v.whole, v.wholeReason = openssl(t, g, dir, g.Sent, g.Roots)
	paths := g.Paths(maxPaths)
	v.paths = len(paths)
	// A way that both should like is preferred to show the difference.
	slices.SortStableFunc(paths, func(a, b []*graph.Certificate) int { return known(a) - known(b) })
	for _, path := range paths {
		ok, reason := openssl(t, g, dir, path[1:len(path)-1], path[len(path)-1:])
		if v.reason = reason; ok {
			v.path = path
			break
		}
	}
	v.explain()
	return v
}

// known counts the defects of a path that the two sides judge in different ways.
func known(path []*graph.Certificate) int {
	n := 0
	for _, c := range path {
		for _, d := range []string{graph.OtherString, graph.OtherCase, graph.AnyUsage, graph.WrongKeyID} {
			if slices.Contains(c.Defects, d) {
				n++
			}
		}
	}
	return n
}

func has(path []*graph.Certificate, defect string) bool {
	return slices.ContainsFunc(path,
		func(c *graph.Certificate) bool { return slices.Contains(c.Defects, defect) })
}

// Reasons of disagreements.
const (
	onePath  = "OpenSSL follows one path and does not turn back"
	encoding = "Go compares names byte by byte"
	anyUsage = "OpenSSL does not take \"any\" for servers"
	keyID    = "Go takes key identifiers for hints"
)

func (v *verdict) explain() {
	switch {
	case v.ours == nil && v.path == nil && has(v.accepted, graph.AnyUsage):
		v.why = anyUsage
	case v.ours == nil && v.path == nil && has(v.accepted, graph.WrongKeyID):
		v.why = keyID
	case v.ours == nil && v.path != nil && !v.whole:
		v.why = onePath
	case v.ours != nil && v.path != nil &&
		(has(v.path, graph.OtherString) || has(v.path, graph.OtherCase)):
		v.why = encoding
	}
}

func (v *verdict) agree() bool {
	return (v.ours == nil) == (v.path != nil) && (v.ours == nil) == v.whole
}

// TestGraphs holds our verification against openssl verify. The two must agree
// on whether there is a good path, but for the reasons above.
func TestGraphs(t *testing.T) {
	ssatest.Need(t, "openssl")
	at := now()
	var all []*verdict
	for seed := range uint64(graphs) {
		v := judge(t, seed, at)
		all = append(all, v)
		if !v.agree() && v.why == "" {
			t.Errorf("seed %d: we say %v; openssl says %v (%s) of all together and of its paths alone %s (%s)",
				seed, v.ours, v.whole, v.wholeReason, graph.Describe(v.path), v.reason)
		}
	}
	text := report(t, all) + encodingReport(t)
	if *update {
		if err := os.WriteFile("../../../docs/trust-differential.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// now is to the second, as certificates have it.
func now() time.Time { return time.Now().Truncate(time.Second) }
