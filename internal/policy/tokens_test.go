package policy

import (
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/secure-socket-api/ssa/internal/identity"
)

const aKey = "pkcs11:token=ssa;object=a;type=private?pin-source=/pin&module-path=/lib/token.so"

// loadToken loads a policy whose identity t has a key on a token.
func loadToken(files fstest.MapFS, key string, open KeyOpener) (*Policy, error) {
	l := testLoader(files)
	l.openKey = open
	l.decode("/p.yaml", fmt.Appendf(nil, "identities:\n  t: {chain: /keys/a.pem, key: %q}\ndefault: {server: {identity: t}}\n", key))
	return l.finish()
}

func TestTokenKeys(t *testing.T) {
	_, files := newIdentityRig(t)
	files["pin"] = &fstest.MapFile{Data: []byte("1234"), Mode: 0o400}
	key := func(name string) crypto.Signer {
		k, err := identity.ParseKey(files["keys/"+name+".key"].Data)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	opens := func(k crypto.Signer, err error) KeyOpener {
		return func(uri string, certified crypto.PublicKey) (crypto.Signer, error) {
			if uri != aKey || !key("a").Public().(*ecdsa.PublicKey).Equal(certified) {
				t.Errorf("asked for %s with the public key %v, want %s with that of the certificate", uri, certified, aKey)
			}
			return k, err
		}
	}
	for _, tc := range []struct {
		name    string
		open    KeyOpener
		problem string // of the policy
		refused string // of the identity
	}{
		{name: "opened", open: opens(key("a"), nil)},
		{name: "no tokens here", refused: "this process may not use keys on tokens"},
		{name: "not for this process", open: opens(nil, &fs.PathError{Op: "open", Path: "/pin", Err: fs.ErrPermission}), refused: "open /pin: permission denied"},
		{name: "no such token", open: opens(nil, errors.New("no token ssa")), problem: "/p.yaml:2:3: identity t: " + aKey + ": no token ssa"},
		{name: "another key", open: opens(key("b"), nil), problem: "does not belong to the certificate of a.example"},
		{name: "nothing", open: opens(nil, nil), problem: "nobody opened the key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// The order of attributes does not matter: the opener gets one form.
			p, err := loadToken(files, "pkcs11:object=a;token=ssa?module-path=/lib/token.so&pin-source=/pin", tc.open)
			if tc.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tc.problem) {
					t.Fatalf("error %v, want %q", err, tc.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			ids, err := p.Default().Identities()
			switch {
			case tc.refused != "" && (err == nil || !strings.Contains(err.Error(), tc.refused)):
				t.Errorf("error %v, want %q", err, tc.refused)
			case tc.refused == "" && (err != nil || len(ids) != 1 || ids[0].Names()[0] != "a.example"):
				t.Errorf("identities %v, %v; want that of a.example", ids, err)
			}
			if len(p.Warnings()) > 0 {
				t.Errorf("warnings %v, want none", p.Warnings())
			}
		})
	}
}

func TestTokenKeyProblems(t *testing.T) {
	_, files := newIdentityRig(t)
	_, err := loadToken(files, "pkcs11:token=ssa;object=a?module-path=/lib/token.so&pin-value=987654", nil)
	want := "/p.yaml:2:32: identity t: key: pin-value cannot be used: it would show the PIN to everyone who may read this: " +
		"write the PIN to a file and give pin-source=/path/of/it"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	_, err = loadToken(files, "pkcs11:token=ssa?module-path=/lib/token.so", nil)
	if err == nil || !strings.HasPrefix(err.Error(), "/p.yaml:2:32: identity t: key: which key?") {
		t.Errorf("error %v, want one about the key that is not named", err)
	}
}

func TestTokenPINWarning(t *testing.T) {
	_, files := newIdentityRig(t)
	files["pin"] = &fstest.MapFile{Data: []byte("1234"), Mode: 0o444}
	p, err := loadToken(files, aKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "/p.yaml:2:3: identity t: /pin may be used by everyone (mode 0444); chmod go= it, unless that is meant"
	if w := p.Warnings(); len(w) != 1 || w[0].String() != want {
		t.Errorf("warnings %v, want %s", w, want)
	}
}
