package local

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"go/ast"
	"reflect"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust/transparency"
)

// TestEveryFieldIsDecided holds the table against the types: a new field of a
// policy or a request must say whether settings are made of it.
func TestEveryFieldIsDecided(t *testing.T) {
	for _, table := range []struct {
		name   string
		of     reflect.Type
		fields []dependence
	}{
		{"policyFields", reflect.TypeFor[policy.Effective](), policyFields},
		{"requestFields", reflect.TypeFor[engine.Request](), requestFields},
	} {
		decided := map[string]bool{}
		for _, f := range table.fields {
			if _, ok := table.of.FieldByName(f.field); !ok {
				t.Errorf("%s has %q, which is no field of %v", table.name, f.field, table.of)
			}
			if decided[f.field] {
				t.Errorf("%s has %q twice", table.name, f.field)
			}
			decided[f.field] = true
			if (f.key == nil) != (f.notKey != "") {
				t.Errorf("%s: %q is in the key: %v, and why it is not: %q", table.name, f.field, f.key != nil, f.notKey)
			}
			if (f.scope == nil) != (f.notScope != "") {
				t.Errorf("%s: %q is in the scope: %v, and why it is not: %q", table.name, f.field, f.scope != nil, f.notScope)
			}
		}
		for i := range table.of.NumField() {
			if name := table.of.Field(i).Name; !decided[name] {
				t.Errorf("%s lacks %q of %v: say whether settings are made of it, and if not, why", table.name, name, table.of)
			}
		}
	}
}

// TestEveryFieldCounts changes each field, and each part of those that are
// structs, and looks whether key and scope change as the table says.
func TestEveryFieldCounts(t *testing.T) {
	ca := ssatest.NewAuthority(t)
	base := &engine.Request{Role: engine.Server, Policy: policy.Builtin().Default()}
	before, scope := keyOf(base), scopeOf(base)
	if keyOf(base) != before || scopeOf(base) != scope {
		t.Fatal("the same request has two keys or two scopes")
	}
	for _, table := range []struct {
		fields []dependence
		change func(field string) []*engine.Request
	}{
		{policyFields, func(field string) []*engine.Request { return changedPolicies(t, ca, base, field) }},
		{requestFields, func(field string) []*engine.Request { return changedRequests(t, ca, base, field) }},
	} {
		for _, f := range table.fields {
			if !ast.IsExported(f.field) {
				continue // cannot be set from here, and nothing here can read it
			}
			for i, req := range table.change(f.field) {
				if got := keyOf(req) != before; got != (f.key != nil) {
					t.Errorf("change %d of %s changes the key: %v, want %v", i, f.field, got, f.key != nil)
				}
				if got := scopeOf(req) != scope; got != (f.scope != nil) {
					t.Errorf("change %d of %s changes the scope: %v, want %v", i, f.field, got, f.scope != nil)
				}
			}
		}
	}
}

func scopeOf(req *engine.Request) string {
	s := newSettings(&Engine{}, "", req)
	return serverScope(req, s.config, s.suites13)
}

func changedPolicies(t *testing.T, ca *ssatest.Authority, base *engine.Request,
	field string) (all []*engine.Request) {
	special := map[string][]any{
		"Anchors":        {policy.FixedAnchors(ca.Certificate())},
		"Logs":           {&transparency.List{}},
		"TicketStore":    {&policy.TicketStore{}},
		"MinVersion":     {uint16(tls.VersionTLS13)},
		"MaxVersion":     {uint16(tls.VersionTLS12)},
		"CipherSuites":   {[]uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, []uint16{}},
		"CipherSuites13": {[]uint16{tls.TLS_AES_256_GCM_SHA384}},
		"Pins":           {map[string][]policy.Pin{"a": nil}, map[string][]policy.Pin{"a": {{1}}}, map[string][]policy.Pin{"b": {{1}, {2}}}},
		"Revocation":     {policy.RevocationPrefer, policy.RevocationRequire},
	}
	for _, change := range changes(t, reflect.ValueOf(*base.Policy), field, special[field]) {
		pol := *base.Policy
		reflect.ValueOf(&pol).Elem().FieldByName(field).Set(change)
		req := *base
		req.Policy = &pol
		all = append(all, &req)
	}
	return all
}

func changedRequests(t *testing.T, ca *ssatest.Authority, base *engine.Request,
	field string) (all []*engine.Request) {
	if field == "Policy" { // its fields have tests of their own
		return nil
	}
	issued := ca.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	chain, err := identity.ParseChain(issued.ChainPEM)
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Match([]identity.Chain{chain}, issued.TLS.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	special := map[string][]any{
		"Role":         {engine.Client},
		"Owner":        {uint32(7)},
		"Identities":   {[]*identity.Identity{id}},
		"ProgramRoots": {[]*x509.Certificate{ca.Certificate()}},
		"Asked":        {policy.ProgramSettings{Server: true}},
		"Program":      {engine.ProgramClaim{Exe: "/bin/other"}},
	}
	for _, change := range changes(t, reflect.ValueOf(*base), field, special[field]) {
		req := *base
		reflect.ValueOf(&req).Elem().FieldByName(field).Set(change)
		all = append(all, &req)
	}
	return all
}

// changes are other values of a field: those that are given, or one for each
// part of it.
func changes(t *testing.T, of reflect.Value, field string, given []any) (all []reflect.Value) {
	t.Helper()
	v := of.FieldByName(field)
	for _, other := range given {
		all = append(all, reflect.ValueOf(other))
	}
	if len(given) > 0 {
		return all
	}
	if v.Kind() != reflect.Struct {
		return []reflect.Value{other(t, field, v)}
	}
	for i := range v.NumField() {
		changed := reflect.New(v.Type()).Elem()
		changed.Set(v)
		changed.Field(i).Set(other(t, field, v.Field(i)))
		all = append(all, changed)
	}
	return all
}

// other is a value that differs from v.
func other(t *testing.T, field string, v reflect.Value) reflect.Value {
	t.Helper()
	o := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Bool:
		o.SetBool(!v.Bool())
	case reflect.String:
		o.SetString(v.String() + "/other")
	case reflect.Int, reflect.Int64:
		o.SetInt(v.Int() + int64(time.Second))
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		o.SetUint(v.Uint() + 1)
	case reflect.Slice:
		o.Set(reflect.AppendSlice(o, v))
		one := reflect.New(v.Type().Elem()).Elem()
		if k := one.Kind(); k == reflect.String || k == reflect.Uint16 {
			one = other(t, field, one)
		}
		o.Set(reflect.Append(o, one))
	default:
		t.Fatalf("the test does not know how to change %s, a %v: add a value to its map", field, v.Type())
	}
	return o
}
