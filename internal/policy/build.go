package policy

import (
	"crypto/tls"
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
)

// decode reads one file into the loader.
func (l *loader) decode(name string, data []byte) {
	l.texts = append(l.texts, File{name, data})
	d := &decoder{loader: l, file: name}
	root := d.parseNode(data)
	if root == nil {
		return
	}
	d.mapping(root, "the policy", func(k, v *yaml.Node) {
		switch {
		case k.Value == "default":
			d.settings(v, "", "default", l.defaults, nil)
		case k.Value == profilesKey:
			d.profileList(v)
		case k.Value == identitiesKey:
			d.identityMap(v)
		case k.Value == ticketStoresKey:
			d.ticketStoreMap(v)
		default:
			d.unknown(k, "", []string{"default", identitiesKey, profilesKey, ticketStoresKey})
		}
	})
}

// build computes the effective values of the default and of every profile.
func (l *loader) build() *Policy {
	p := &Policy{fallback: l.effective("default", nil), identities: l.identities}
	l.checkHolders(p.fallback, nil)
	for _, profile := range l.profiles {
		profile.effective = l.effective(profile.name, profile.settings)
		l.checkHolders(profile.effective, profile)
	}
	for _, name := range slices.Sorted(maps.Keys(l.stores)) {
		l.completeStore(l.stores[name], p.fallback)
	}
	p.profiles = l.ordered()
	p.warnings, p.files = l.warnings, l.texts
	return p
}

// effective lays a profile's settings over the default's and the built-in ones.
func (l *loader) effective(name string, over layer) *Effective {
	e := builtinEffective(l.system)
	e.Profile = name
	merged := maps.Clone(l.defaults)
	maps.Copy(merged, over)
	e.origins = make(map[string]Position, len(merged))
	for _, key := range slices.Sorted(maps.Keys(merged)) {
		merged[key].apply(e)
		e.origins[key] = merged[key].at
	}
	l.check(e)
	l.logList(e)
	return e
}

// check notes settings that are each fine but not together.
func (l *loader) check(e *Effective) {
	if e.MinVersion > e.MaxVersion {
		l.report(e.firstOrigin("versions.min", "versions.max"),
			"versions.min "+versionName(e.MinVersion)+" is above versions.max "+versionName(e.MaxVersion)+
				" ("+e.Origin("versions.max").String()+")")
	}
	if e.MinVersion < versionValues[1] && len(e.CipherSuites) == 0 {
		l.report(e.Origin("cipher_suites"),
			"cipher_suites has no suite of TLS 1.2: add one, or set versions.min to \"1.3\"")
	}
	if e.MaxVersion < tls.VersionTLS13 && !hasClassicGroup(e.KeyExchange) {
		l.report(e.firstOrigin("key_exchange", "versions.max"), "key_exchange has only groups of TLS 1.3, and versions.max is "+
			versionName(e.MaxVersion)+": no handshake could be done; add X25519 or P-256, or allow TLS 1.3")
	} else if e.MinVersion < tls.VersionTLS13 && !hasClassicGroup(e.KeyExchange) {
		l.warning(e.firstOrigin("key_exchange", "versions.min"),
			"key_exchange has only groups of TLS 1.3: peers of TLS 1.2 are refused, though versions.min is "+versionName(e.MinVersion))
	}
	l.lookUpIdentities(e)
	l.lookUpStore(e)
	if named, _ := e.NamedRoots(); e.ClientAuth != ClientAuthNone && len(named) == 0 {
		l.warnings = append(l.warnings, Problem{e.Origin("server.client_auth"),
			"server.client_auth is " + e.ClientAuth.String() + ", and trust.roots names no authority for clients (" + systemRootsWord +
				" is for servers): a server whose program gives no roots of its own refuses everyone"})
	}
	if e.SkipVerify && e.Profile == "default" {
		l.report(e.Origin(verifyKey), verifyKey+" can be off only in a profile, for programs that it names")
	} else if e.SkipVerify {
		l.warnings = append(l.warnings, Problem{e.Origin("trust.verify"),
			"profile " + e.Profile + " does not verify its peers: anyone can read and change what it sends"})
	}
}

// firstOrigin returns the place of the first of the keys that a file sets.
func (e *Effective) firstOrigin(keys ...string) Position {
	for _, key := range keys {
		if at, ok := e.origins[key]; ok {
			return at
		}
	}
	return Position{}
}
