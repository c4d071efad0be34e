package graph_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"os/exec"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust"
	"github.com/secure-socket-api/ssa/test/trust/graph"
)

// oddity is a leaf that is right but for how it is written.
type oddity struct {
	name     string
	from, to []byte // what is replaced in it, once
	// ours is in our refusal, "" when we accept it.
	ours string
	// why we and openssl may judge in different ways.
	why string
}

var oddities = []oddity{
	{name: "as it should be"},
	{name: "negative serial number", from: []byte{2, 5, 0x7f, 1, 2, 3, 4}, to: []byte{2, 5, 0xff, 1, 2, 3, 4},
		ours: "negative serial number", why: "RFC 5280, 4.1.2.2, forbids it"},
	{name: "serial number with zeros in front", from: []byte{2, 5, 0x7f, 1, 2, 3, 4}, to: []byte{2, 5, 0, 0, 2, 3, 4},
		ours: "serial number", why: "it is not DER"},
	{name: "the same extension twice", from: []byte{6, 2, 0x2a, 5}, to: []byte{6, 2, 0x2a, 4},
		ours: "duplicate", why: "RFC 5280, 4.2, forbids it"},
	{name: "true as 1", from: []byte{1, 1, 0xff}, to: []byte{1, 1, 1}, ours: "malformed", why: "it is not DER"},
	{name: "bits set that are unused", from: []byte{3, 2, 7, 0x80}, to: []byte{3, 2, 7, 0x81}, ours: "key usage", why: "it is not DER"},
	{name: "version 1 with extensions", from: []byte{0xa0, 3, 2, 1, 2}, to: []byte{0xa0, 3, 2, 1, 0},
		ours: "", why: "a certificate of version 1 has no extensions, so no name"},
	{name: "@ in a PrintableString", from: []byte("leaf+name"), to: []byte("leaf@name"), ours: "PrintableString", why: "@ is not in its alphabet"},
	{name: "name that is not ASCII", from: []byte("\x82\x0d" + graph.Host), to: []byte("\x82\x0dwww.a.exampl\xe9"), ours: "malformed", why: "an IA5String is ASCII"},
	{name: "zero byte in the name", from: []byte("\x82\x0d" + graph.Host), to: []byte("\x82\x0dwww.a.exampl\x00"), ours: "not for", why: ""},
	{name: "two signature algorithms", from: []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2}, to: []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3},
		ours: "signature algorithm", why: ""},
}

// outcome is what came of an oddity.
type outcome struct {
	oddity
	ours, openssl string // "" is good
}

// judgeOddities holds each against both.
func judgeOddities(t *testing.T) []outcome {
	t.Helper()
	root := ssatest.NewAuthority(t)
	leaf := root.Issue(t, ssatest.Leaf{Names: []string{graph.Host}, Edit: func(c *x509.Certificate) {
		c.SerialNumber = new(big.Int).SetBytes([]byte{0x7f, 1, 2, 3, 4})
		name, err := asn1.Marshal(pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{2, 5, 4, 3},
			Value: asn1.RawValue{Tag: asn1.TagPrintableString, Bytes: []byte("leaf+name")}}}})
		if err != nil {
			t.Fatal(err)
		}
		c.RawSubject = name
		for last := range 2 {
			c.ExtraExtensions = append(c.ExtraExtensions,
				pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 4 + last}, Value: []byte{5, 0}})
		}
	}}).Leaf()
	v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool})
	var all []outcome
	for _, e := range oddities {
		o := outcome{oddity: e}
		der := root.Resign(t, leaf, func(tbs []byte) []byte {
			if e.from != nil && (!bytes.Contains(tbs, e.from) || len(e.from) != len(e.to)) {
				t.Errorf("%s: what is to be replaced is not there", e.name)
			}
			return bytes.Replace(tbs, e.from, e.to, 1)
		})
		// As crypto/tls does it with what a peer sends.
		cert, err := x509.ParseCertificate(der)
		if err == nil {
			_, err = v.Verify([]*x509.Certificate{cert}, graph.Host, now())
		}
		if err != nil {
			o.ours = err.Error()
		}
		o.openssl = opensslAlone(t, root, der)
		if (e.ours == "") != (err == nil) && e.why == "" || !strings.Contains(o.ours, e.ours) {
			t.Errorf("%s: we say %q, want %q", e.name, o.ours, e.ours)
		}
		if (o.ours == "") != (o.openssl == "") && e.why == "" || o.ours == "" && o.openssl != "" {
			t.Errorf("%s: we say %q, openssl %q, and there is no reason", e.name, o.ours, o.openssl)
		}
		all = append(all, o)
	}
	return all
}

func opensslAlone(t *testing.T, root *ssatest.Authority, der []byte) string {
	t.Helper()
	leaf := write(t, t.TempDir(), "leaf.pem",
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	out, err := exec.Command("openssl", "verify", "-no-CAfile", "-no-CApath", "-no-CAstore",
		"-trusted", root.File(t), "-purpose", "sslserver",
		"-verify_hostname", graph.Host, "-auth_level", "2", leaf).CombinedOutput()
	if err == nil {
		return ""
	}
	if reason := complaint(string(out)); reason != "" {
		return reason
	}
	return "it can not be read"
}

func encodingReport(t *testing.T) string {
	var out strings.Builder
	out.WriteString("\n## Odd encodings\n\nA right leaf each time, changed in one place and signed again. We never accept what openssl refuses.\n\n" +
		"| what | we say | openssl says | why |\n| --- | --- | --- | --- |\n")
	said := func(reason string) string {
		if reason == "" {
			return "good"
		}
		return "bad: " + cell(strings.TrimPrefix(reason, "x509: "))
	}
	for _, o := range judgeOddities(t) {
		why := o.why
		if (o.ours == "") == (o.openssl == "") {
			why = ""
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", o.name, said(o.ours), said(o.openssl), why)
	}
	return out.String()
}
