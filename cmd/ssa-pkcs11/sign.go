//go:build cgo

package main

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	p11 "github.com/miekg/pkcs11"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// digestInfo are the beginnings of what PKCS #1 v1.5 signs, before the hash
// (RFC 8017, 9.2).
var digestInfo = map[crypto.Hash]string{
	crypto.SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
	crypto.SHA384: "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
	crypto.SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
}

// pssHash are a hash and its mask generation function for a token.
var pssHash = map[crypto.Hash][2]uint{
	crypto.SHA256: {p11.CKM_SHA256, p11.CKG_MGF1_SHA256},
	crypto.SHA384: {p11.CKM_SHA384, p11.CKG_MGF1_SHA384},
	crypto.SHA512: {p11.CKM_SHA512, p11.CKG_MGF1_SHA512},
}

// sign makes a signature in a session of its own.
func (o *object) sign(scheme wire.Scheme, data []byte) ([]byte, error) {
	mechanism, data, err := o.mechanism(scheme, data)
	if err != nil {
		return nil, err
	}
	t := o.token
	t.slots <- struct{}{}
	defer func() { <-t.slots }()
	t.module.using.RLock()
	defer t.module.using.RUnlock()
	session, err := t.acquire()
	if err != nil {
		return nil, err
	}
	done := t.module.watch("signing")
	err = t.module.ctx.SignInit(session, []*p11.Mechanism{mechanism}, o.handle)
	var signature []byte
	if err == nil {
		signature, err = t.module.ctx.Sign(session, data)
	}
	done()
	t.release(session, err != nil)
	if err != nil {
		return nil, fmt.Errorf("the token: %w", err)
	}
	if scheme.ECDSA() {
		return derSignature(signature)
	}
	return signature, nil
}

// mechanism says how a token signs with a scheme, and what.
func (o *object) mechanism(scheme wire.Scheme, data []byte) (*p11.Mechanism, []byte, error) {
	hash := scheme.Hash()
	switch {
	case scheme.PSS() && o.kind == p11.CKK_RSA:
		params := p11.NewPSSParams(pssHash[hash][0], pssHash[hash][1], uint(hash.Size()))
		return p11.NewMechanism(p11.CKM_RSA_PKCS_PSS, params), data, nil
	case scheme.RSA() && o.kind == p11.CKK_RSA:
		return p11.NewMechanism(p11.CKM_RSA_PKCS, nil), append([]byte(digestInfo[hash]), data...), nil
	case scheme.ECDSA() && o.kind == p11.CKK_EC:
		// Some tokens take no hash that is longer than the curve's order.
		if key, ok := o.key.(*ecdsa.PublicKey); ok {
			data = data[:min(len(data), (key.Params().N.BitLen()+7)/8)]
		}
		return p11.NewMechanism(p11.CKM_ECDSA, nil), data, nil
	case scheme == wire.Ed25519 && o.kind == keyEdwards:
		return p11.NewMechanism(mechanismEdDSA, nil), data, nil
	}
	return nil, nil, errors.New("the key is of another kind than what is to be signed with it")
}

// derSignature makes of a token's two numbers what TLS has.
func derSignature(raw []byte) ([]byte, error) {
	if len(raw) == 0 || len(raw)%2 != 0 {
		return nil, fmt.Errorf("the token's signature has %d bytes, which are not two numbers", len(raw))
	}
	half := len(raw) / 2
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]),
		new(big.Int).SetBytes(raw[half:])})
}
