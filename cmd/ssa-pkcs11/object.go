//go:build cgo

package main

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	p11 "github.com/miekg/pkcs11"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/uri"
)

// What PKCS #11 3.0 added for Ed25519.
const (
	keyEdwards     = 0x40   // CKK_EC_EDWARDS
	mechanismEdDSA = 0x1057 // CKM_EDDSA
)

// object is a private key on an open token.
type object struct {
	token  *token
	handle p11.ObjectHandle
	kind   uint // CKK_RSA, CKK_EC or keyEdwards
	key    crypto.PublicKey
	public []byte // the same, PKIX
}

// find finds a private key, with module.mu held.
func (t *token) find(where *uri.URI) (*object, error) {
	template := []*p11.Attribute{p11.NewAttribute(p11.CKA_CLASS, p11.CKO_PRIVATE_KEY)}
	if where.Object != "" {
		template = append(template, p11.NewAttribute(p11.CKA_LABEL, where.Object))
	}
	if where.ID != "" {
		template = append(template, p11.NewAttribute(p11.CKA_ID, []byte(where.ID)))
	}
	found, err := t.search(template)
	switch {
	case err != nil:
		if isLost(err) {
			t.dropLocked()
		}
		return nil, fmt.Errorf("look for the key on the token: %w", err)
	case len(found) == 0 && !t.loggedIn:
		return nil, errors.New("the token has no such private key, or shows it only to who knows its PIN (pin-source)")
	case len(found) == 0:
		return nil, errors.New("the token has no such private key")
	case len(found) > 1:
		return nil, errors.New("several private keys of the token fit: name one by object and id")
	}
	// Logged in for one key, a token shows all: which one is asked for first must
	// make no difference.
	if private, err := t.attribute(found[0], p11.CKA_PRIVATE); where.PINSource == "" &&
		(err != nil || len(private) != 1 || private[0] != 0) {
		return nil, errors.New("the token shows this key only to who knows its PIN: pin-source is missing")
	}
	o := &object{token: t, handle: found[0]}
	if always, err := t.attribute(o.handle, p11.CKA_ALWAYS_AUTHENTICATE); err == nil &&
		len(always) == 1 && always[0] != 0 {
		return nil, errors.New("the key asks for its PIN at each use (CKA_ALWAYS_AUTHENTICATE), which is not supported")
	}
	if o.key, o.kind, err = t.publicOf(o.handle); err != nil {
		return nil, err
	}
	o.public, err = x509.MarshalPKIXPublicKey(o.key)
	return o, err
}

// search returns the objects that fit, at most a few.
func (t *token) search(template []*p11.Attribute) ([]p11.ObjectHandle, error) {
	ctx := t.module.ctx
	if err := ctx.FindObjectsInit(t.session, template); err != nil {
		return nil, err
	}
	found, _, err := ctx.FindObjects(t.session, 4)
	return found, errors.Join(err, ctx.FindObjectsFinal(t.session))
}

// attribute returns one attribute of an object.
func (t *token) attribute(o p11.ObjectHandle, kind uint) ([]byte, error) {
	const longest = 16 << 10
	got, err := t.module.ctx.GetAttributeValue(t.session, o,
		[]*p11.Attribute{p11.NewAttribute(kind, nil)})
	switch {
	case err != nil:
		return nil, err
	case len(got) != 1 || len(got[0].Value) == 0 || len(got[0].Value) > longest:
		return nil, errors.New("the token returned no value")
	}
	return got[0].Value, nil
}
