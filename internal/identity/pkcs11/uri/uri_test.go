package uri_test

import (
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/uri"
)

const module = "module-path=/usr/lib/softhsm/libsofthsm2.so"

func TestParse(t *testing.T) {
	for text, want := range map[string]uri.URI{
		"pkcs11:token=ssa;object=www;type=private?pin-source=/etc/pin&" + module: {Token: "ssa", Object: "www", PINSource: "/etc/pin"},
		"pkcs11:id=%01%ff;serial=0a1b?" + module + "&pin-source=file:/etc/pin":   {Serial: "0a1b", ID: "\x01\xff", PINSource: "/etc/pin"},
		"pkcs11:token=The%20token;model=m;manufacturer=a%3Bb;object=x?" + module + "&pin-source=file:///etc/a/../pin": {
			Token: "The token", Model: "m", Manufacturer: "a;b", Object: "x", PINSource: "/etc/pin"},
		"pkcs11:token=a=b&c;object=M%C3%BCller?" + module: {Token: "a=b&c", Object: "Müller"},
	} {
		want.Module = "/usr/lib/softhsm/libsofthsm2.so"
		got, err := uri.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if *got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", text, *got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const good = "pkcs11:token=ssa;object=www"
	for text, want := range map[string]string{
		"/etc/ssa/key":                                   "begins with pkcs11:",
		"pkcs11:?" + module:                              `"" is not attribute=value`,
		"pkcs11:object=www?" + module:                    "which token?",
		"pkcs11:token=ssa?" + module:                     "which key?",
		good:                                             "which library? module-path is missing",
		good + "?module-path=softhsm.so":                 "it must begin with /",
		good + "?module-name=softhsm2":                   "module-name cannot be used: give the library's full path",
		good + ";slot-id=1?" + module:                    "slot-id cannot be used",
		good + "?" + module + "&pin-value=1234":          "pin-value cannot be used: it would show the PIN",
		good + ";pin-value=1234?" + module:               "pin-value cannot be used: it would show the PIN",
		good + "?" + module + "&pin-source=pin":          "it must be the path of a file and begin with /",
		good + "?" + module + "&pin-source=%7Ccat%20pin": "pin-source is a command",
		good + "?" + module +
			"&pin-source=file:pin": "it must be the path of a file",
		good + "?" + module +
			"&pin-source=file://h/pin": "it must be the path of a file",
		good + ";type=public?" + module:    `type is "public"`,
		good + ";object=w2?" + module:      "object is given twice",
		good + "?" + module + "&" + module: "module-path is given twice",
		good + ";objekt=w2?" + module:      `unknown attribute "objekt" before ?; allowed: token,`,
		good + ";module-path=/a?" +
			module: `unknown attribute "module-path" before ?`,
		good + "?" + module + "&token=x":     `unknown attribute "token" after ?; allowed: pin-source, module-path`,
		"pkcs11:token=;object=www?" + module: "token is empty",
		"pkcs11:token=a b;object=www?" +
			module: `token: " " must be written as %20`,
		"pkcs11:token=a/b;object=www?" +
			module: `token: "/" must be written as %2F`,
		"pkcs11:token=a%2;object=www?" + module:  `token: "%2" at its end`,
		"pkcs11:token=a%zz;object=www?" + module: `token: "%zz" is not a byte`,
		"pkcs11:token=a%+1;object=www?" + module: `token: "%+1" is not a byte`,
		"pkcs11:token=a%00;object=www?" + module: "token has characters that cannot be printed",
		"pkcs11:token=a%ff;object=www?" + module: "token has characters that cannot be printed",
		good + "?module-path=/a%00b":             "module-path has characters that cannot be printed",
		"pkcs11:token=" + strings.Repeat("x", 33) + ";object=www?" +
			module: "token has 33 bytes, at most 32",
		"pkcs11:token=" + strings.Repeat("x", uri.MaxLength): "is too long",
	} {
		u, err := uri.Parse(text)
		if err == nil {
			t.Errorf("%s: accepted as %+v, want an error with %q", text, u, want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %q, want one with %q", text, err, want)
		}
	}
}

// What is accepted has one form, which means the same.
func FuzzParse(f *testing.F) {
	f.Add("pkcs11:token=ssa;object=www;type=private?pin-source=/etc/pin&" + module)
	f.Add("pkcs11:id=%01%ff;serial=0a1b?" + module + "&pin-source=file:///etc/pin")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := uri.Parse(text)
		if err != nil {
			return
		}
		again, err := uri.Parse(u.String())
		switch {
		case err != nil:
			t.Fatalf("%q became %q: %v", text, u, err)
		case *again != *u || again.String() != u.String():
			t.Fatalf("%q became %q, then %q", text, u, again)
		}
	})
}
