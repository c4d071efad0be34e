package graph_test

import (
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/trust/graph"
)

const preface = `# Verification beside openssl verify

For reviewers of peer verification who know OpenSSL: where the two disagree, and why.

[test/trust/graph](../test/trust/graph) makes %[1]d graphs of certificates from the seeds 0 to %[2]d.
Each has one or two roots, one to four authorities that certify each other in several ways, a leaf,
and defects strewn over them: expired or early certificates, revoked ones, missing and old
revocation lists, SHA-1, name constraints, path lengths, purposes, policies, unknown critical
extensions, odd names. The peer sends everything it has, in any order.

internal/trust verifies each graph with ` + "`revocation: require`" + ` and local lists, twice, in two orders.
Then ` + "`openssl verify -crl_check_all -policy_check -purpose sslserver -auth_level 2`" + ` gets it: once
whole, and once for each path from the leaf to a root alone, %[3]d paths in all. A graph is good when
one of its paths is.

This page is generated with %[4]s and %[5]s by ` + "`go test ./test/trust/graph -update`" + `. The
test fails on any disagreement that has none of the reasons below.

| both say | graphs |
| --- | --- |
| good | %[6]d |
| bad | %[7]d |
| they disagree | %[8]d |
`

var explained = map[string]string{
	onePath: "A graph has several paths, and one is good. We find it. `openssl verify`, given everything, settles on one path by " +
		"names, key identifiers and times, and tries no other when that one turns out to be revoked, constrained or for " +
		"another purpose. Given the good path alone it accepts it. Programs gain by that: superfluous certificates of a peer do no harm.",
	encoding: "The issuer's name in a certificate is the same text as the subject of the issuer, but another kind of string or in another " +
		"case. RFC 5280, 7.1, wants such names to be equal, and openssl normalises them. Go's crypto/x509 compares bytes, as most " +
		"browsers do. We refuse more than openssl, never less.",
	anyUsage: "The leaf has the extended key usage \"any\" alone. RFC 5280, 4.2.1.12, leaves it to the application whether that is enough: " +
		"crypto/x509 accepts it for servers, openssl does not. We follow crypto/x509: the authority said any.",
	keyID: "A certificate names another key identifier for its issuer than the issuer has, and yet the issuer's key verifies it. To openssl " +
		"the two do not belong together. By RFC 5280, 4.2.1.1, the identifier helps to find the right key among several, and crypto/x509 uses it " +
		"for that alone; the signature is what proves something.",
}

func report(t *testing.T, all []*verdict) string {
	t.Helper()
	good, bad, paths := 0, 0, 0
	by := map[string][]*verdict{}
	for _, v := range all {
		paths += v.paths
		switch {
		case !v.agree():
			by[v.why] = append(by[v.why], v)
		case v.whole:
			good++
		default:
			bad++
		}
	}
	version, err := exec.Command("openssl", "version").Output()
	if err != nil {
		t.Fatalf("openssl version: %v", err)
	}
	name := strings.Join(strings.Fields(string(version))[:2], " ")
	var out strings.Builder
	fmt.Fprintf(&out, preface, len(all), len(all)-1, paths, runtime.Version(), name, good, bad,
		len(all)-good-bad)
	for _, why := range []string{onePath, encoding, anyUsage, keyID} {
		list := by[why]
		if len(list) == 0 {
			continue
		}
		fmt.Fprintf(&out, "\n## %s\n\n%s\n| seed | we say | openssl says of the whole | the path that openssl accepts alone, or ours |\n| --- | --- | --- | --- |\n",
			why, ssatest.Fill("", explained[why]))
		for _, v := range list {
			path := v.path
			if path == nil {
				path = v.accepted
			}
			fmt.Fprintf(&out, "| %d | %s | %s | %s |\n", v.seed, verdictText(v.ours),
				opinion(v.whole, v.wholeReason), cell(graph.Describe(path)))
		}
	}
	if good < len(all)/10 || bad < len(all)/10 || len(by[onePath]) == 0 {
		t.Errorf("%d good and %d bad graphs of %d, %d with several paths: the generator shows too little", good, bad, len(all), len(by[onePath]))
	}
	if unexplained := by[""]; len(unexplained) > 0 {
		t.Logf("%d disagreements without a reason", len(unexplained))
	}
	return out.String()
}

func verdictText(err error) string {
	if err == nil {
		return "good"
	}
	return "bad"
}

func opinion(good bool, reason string) string {
	if good {
		return "good"
	}
	return cell("bad: " + reason)
}

func cell(text string) string {
	if text == "" {
		return "none"
	}
	return strings.ReplaceAll(text, "|", "/")
}

// TestSeeds: a seed gives the same graph again.
func TestSeeds(t *testing.T) {
	shape := func(seed uint64) string {
		g, err := graph.New(seed, now())
		if err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, c := range slices.Concat([]*graph.Certificate{g.Leaf}, g.Sent, g.Roots) {
			parts = append(parts, c.Issuer.Name+" > "+graph.Describe([]*graph.Certificate{c}))
		}
		return strings.Join(parts, "\n")
	}
	for seed := range uint64(20) {
		if a, b := shape(seed), shape(seed); a != b {
			t.Errorf("seed %d gives\n%s\nand\n%s", seed, a, b)
		}
	}
}
