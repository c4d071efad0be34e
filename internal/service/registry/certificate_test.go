package registry_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// The certificates of a policy's servers are known, with who shows them.
func TestCertificatesOf(t *testing.T) {
	a := ssatest.NewAuthority(t)
	www := a.Issue(t, ssatest.Leaf{Names: []string{"www.example"}})
	file := filepath.Join(t.TempDir(), "policy.yaml")
	text := fmt.Sprintf("default: {server: {identity: www}}\nidentities: {www: {chain: %s, key: %s}}\n"+
		"profiles:\n- {name: web, match: {exe: /bin/sh}}\n- {name: bare, match: {exe: /bin/true}, server: {identity: \"\"}}\n", www.ChainFile(t), www.KeyFile(t))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	certs := registry.CertificatesOf(p)
	if len(certs) != 1 {
		t.Fatalf("certificates %+v", certs)
	}
	c := certs[0]
	if c.Identity != "www" || fmt.Sprint(c.Names) != "[www.example]" ||
		fmt.Sprint(c.Profiles) != "[web default]" ||
		!c.NotAfter.Equal(www.Leaf().NotAfter) || time.Until(c.NotAfter) < 0 {
		t.Errorf("the certificate is %+v", c)
	}
	if none := registry.CertificatesOf(policy.Builtin()); len(none) != 0 {
		t.Errorf("the built-in policy has %+v", none)
	}
}
