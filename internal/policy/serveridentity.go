package policy

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// decodeServerIdentity decodes server.identity: one name or a list of names; ""
// is for none.
func decodeServerIdentity(d *decoder, n *yaml.Node) change {
	var names []string
	if n.Kind == yaml.SequenceNode {
		if !d.texts(n, "server.identity",
			func(_ *yaml.Node, text string) { names = append(names, text) }) {
			return nil
		}
	} else if !d.literal(n) || n.Kind != yaml.ScalarNode || n.Value != "" || isNull(n) {
		text, ok := d.text(n, "server.identity")
		if !ok {
			return nil
		}
		names = []string{text}
	}
	return func(e *Effective) { e.serverIdentities = names }
}

// lookUpIdentities finds the identities that server.identity names.
func (l *loader) lookUpIdentities(e *Effective) {
	for _, name := range e.serverIdentities {
		files := l.identities[name]
		if files == nil {
			names := slices.Sorted(maps.Keys(l.identities))
			l.report(e.Origin("server.identity"),
				"server.identity: no identity "+clip(name)+" in identities"+didYouMean(name, names))
			continue
		}
		e.ServerIdentities = append(e.ServerIdentities, files)
		l.warnOfSmallKey(e, files)
	}
}

// warnOfSmallKey warns of a certificate that peers with min_key_bits of the
// same profile refuse.
func (l *loader) warnOfSmallKey(e *Effective, files *IdentityFiles) {
	if files.loaded == nil {
		return
	}
	kind, bits, least := "", 0, 0
	switch key := files.loaded.Leaf().PublicKey.(type) {
	case *rsa.PublicKey:
		kind, bits, least = "RSA", key.N.BitLen(), e.MinRSABits
	case *ecdsa.PublicKey:
		kind, bits, least = "ECDSA", key.Curve.Params().BitSize, e.MinECDSABits
	}
	if bits < least {
		l.warning(files.At, fmt.Sprintf("identity %s: its %s key has %d bits, fewer than min_key_bits %d (profile %s): peers like ours refuse it",
			files.Name, kind, bits, least, e.Profile))
	}
}

func showServerIdentity(e *Effective) string {
	switch len(e.serverIdentities) {
	case 0:
		return `""`
	case 1:
		return strconv.Quote(e.serverIdentities[0])
	}
	return showList(e.serverIdentities, func(s string) string { return s })
}
