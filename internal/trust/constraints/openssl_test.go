package constraints_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// differing is what openssl judges otherwise, and why that is not done here.
var differing = map[string]string{
	"addresses in the form of IPv6, wrong 0": "a client takes it for the IPv4 address that is excluded",
	"domains, wrong 4":                       "a wildcard stands for the name that is excluded, too",
	"mailboxes, wrong 5":                     "its quotes do not end: nobody knows where its host begins",
	"excluded mailboxes, wrong 1":            "quotes do not make another mailbox (RFC 5321, 4.1.2)",
	"excluded mailboxes, wrong 2":            "nor do backslashes in them",
	"excluded URIs, wrong 2":                 "an address for a host is to be refused (RFC 5280, 4.2.1.10)",
	"URIs, right 1":                          "the user before the host is no part of it",
}

// TestLikeOpenSSL: what is right and wrong is so for openssl too, but where it
// is said why not.
func TestLikeOpenSSL(t *testing.T) {
	ssatest.Need(t, "openssl")
	dir := t.TempDir()
	write := func(name string, ders ...[]byte) string {
		var data []byte
		for _, der := range ders {
			data = append(data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range kinds {
		root := ssatest.NewAuthority(t)
		below := root.IntermediateWith(t, ssatest.AuthorityOptions{Edit: func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, extension(true, test.permitted, test.excluded))
		}})
		roots, middle := write("root.pem", root.Certificate().Raw),
			write("middle.pem", below.Certificate().Raw)
		judge := func(n names) (bool, string) {
			leaf := below.Issue(t, ssatest.Leaf{Edit: n.edit(t)})
			out, err := exec.Command("openssl", "verify", "-CAfile", roots, "-untrusted", middle,
				write("leaf.pem", leaf.Leaf().Raw)).CombinedOutput()
			return err == nil, string(out)
		}
		compare := func(list []names, right bool) {
			word := map[bool]string{true: "right", false: "wrong"}[right]
			for i, n := range list {
				label := fmt.Sprintf("%s, %s %d", test.name, word, i)
				accepted, out := judge(n)
				if _, differs := differing[label]; (accepted == right) == differs {
					t.Errorf("%s: accepted by openssl: %v\n%s", label, accepted, out)
				}
			}
		}
		compare(test.right, true)
		compare(test.wrong, false)
	}
}
