// Package uri reads the names of keys on tokens, pkcs11: URIs (RFC 7512). It
// is strict: what could mean another key, or would put a PIN where many may
// read it, is refused. It opens no file and no token.
package uri

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Scheme begins every URI of a key on a token.
const Scheme = "pkcs11:"

// MaxLength bounds the text of a URI.
const MaxLength = 2048

// URI names one private key on one token.
type URI struct {
	// The token. At least one of Token (its label) and Serial is set.
	Token, Serial, Manufacturer, Model string
	// The key on it: its label, its identifier (raw bytes), or both.
	Object, ID string
	// PINSource is the absolute path of the file with the PIN; empty when
	// the token asks for none.
	PINSource string
	// Module is the absolute path of the library that speaks to the token.
	Module string
}

// attribute is a part of a URI that is understood.
type attribute struct {
	name    string
	longest int // bytes
	field   func(*URI) *string
}

// The lengths are those of CK_TOKEN_INFO, where there are any.
var pathAttributes = []attribute{
	{"token", 32, func(u *URI) *string { return &u.Token }},
	{"serial", 16, func(u *URI) *string { return &u.Serial }},
	{"manufacturer", 32, func(u *URI) *string { return &u.Manufacturer }},
	{"model", 16, func(u *URI) *string { return &u.Model }},
	{"object", 255, func(u *URI) *string { return &u.Object }},
	{"id", 255, func(u *URI) *string { return &u.ID }},
	{"type", 16, nil},
}

var queryAttributes = []attribute{
	{"pin-source", 1024, func(u *URI) *string { return &u.PINSource }},
	{"module-path", 1024, func(u *URI) *string { return &u.Module }},
}

// refused are attributes with advice on what to write instead.
var refused = map[string]string{
	"pin-value":   "it would show the PIN to everyone who may read this: write the PIN to a file and give pin-source=/path/of/it",
	"module-name": "give the library's full path: module-path=/usr/lib/...",
	"slot-id":     "the numbers of slots change: name the token by token or serial",
}

// Parse reads a URI.
func Parse(text string) (*URI, error) {
	rest, ok := strings.CutPrefix(text, Scheme)
	switch {
	case !ok:
		return nil, fmt.Errorf("a key on a token begins with %s", Scheme)
	case len(text) > MaxLength:
		return nil, fmt.Errorf("a URI of %d bytes is too long (at most %d)", len(text), MaxLength)
	}
	u := &URI{}
	inPath, inQuery, hasQuery := strings.Cut(rest, "?")
	if err := u.parse(inPath, ";", ":[]@!$'()*+,=&", pathAttributes); err != nil {
		return nil, err
	}
	if hasQuery {
		if err := u.parse(inQuery, "&", ":[]@!$'()*+,=/?|", queryAttributes); err != nil {
			return nil, err
		}
	}
	return u, u.check()
}

// parse reads one part of a URI: attributes between separators, in which some
// characters may be written as they are.
func (u *URI) parse(text, separator, marks string, known []attribute) error {
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, separator) {
		name, raw, ok := strings.Cut(part, "=")
		if !ok {
			return fmt.Errorf("%q is not attribute=value", clip(part))
		}
		if advice := refused[name]; advice != "" {
			return fmt.Errorf("%s cannot be used: %s", name, advice)
		}
		a := find(known, name)
		if a == nil {
			return fmt.Errorf("unknown attribute %q %s; allowed: %s", clip(name), place(separator),
				names(known))
		}
		if seen[name] {
			return fmt.Errorf("%s is given twice", name)
		}
		seen[name] = true
		value, err := decode(raw, marks)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case value == "":
			return fmt.Errorf("%s is empty", name)
		case len(value) > a.longest:
			return fmt.Errorf("%s has %d bytes, at most %d are allowed", name, len(value), a.longest)
		case name != "id" && !printable(value):
			return fmt.Errorf("%s has characters that cannot be printed", name)
		case a.field != nil:
			*a.field(u) = value
		case value != "private":
			return fmt.Errorf("type is %q, but a key that signs is private", clip(value))
		}
	}
	return nil
}

// check says whether the parts make sense together.
func (u *URI) check() error {
	switch {
	case u.Token == "" && u.Serial == "":
		return fmt.Errorf("which token? token=LABEL or serial=NUMBER is missing")
	case u.Object == "" && u.ID == "":
		return fmt.Errorf("which key? object=LABEL or id=%%01 is missing")
	case u.Module == "":
		return fmt.Errorf("which library? module-path is missing, as in ?module-path=/usr/lib/softhsm/libsofthsm2.so")
	}
	if u.PINSource != "" {
		source, err := pinFile(u.PINSource)
		if err != nil {
			return err
		}
		u.PINSource = source
	}
	if !path.IsAbs(u.Module) {
		return fmt.Errorf("module-path is %q, it must begin with /", clip(u.Module))
	}
	u.Module = path.Clean(u.Module)
	if n := len(u.String()); n > MaxLength {
		return fmt.Errorf("a URI of %d bytes is too long (at most %d)", n, MaxLength)
	}
	return nil
}

// pinFile returns the path that pin-source means: a path, or a file: URI.
func pinFile(source string) (string, error) {
	if strings.HasPrefix(source, "|") {
		return "", fmt.Errorf("pin-source is a command: no program is run for a PIN, give a file")
	}
	name, ok := strings.CutPrefix(source, "file:")
	if ok && strings.HasPrefix(name, "//") {
		name = strings.TrimPrefix(name, "//")
	}
	if !path.IsAbs(name) {
		return "", fmt.Errorf("pin-source is %q, it must be the path of a file and begin with /", clip(source))
	}
	return path.Clean(name), nil
}

func find(known []attribute, name string) *attribute {
	for i := range known {
		if known[i].name == name {
			return &known[i]
		}
	}
	return nil
}

func names(known []attribute) string {
	var all []string
	for _, a := range known {
		all = append(all, a.name)
	}
	return strings.Join(all, ", ")
}

func place(separator string) string {
	if separator == "&" {
		return "after ?"
	}
	return "before ?"
}

func printable(s string) bool {
	return utf8.ValidString(s) &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// clip makes text fit for a message.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
