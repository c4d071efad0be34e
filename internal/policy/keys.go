package policy

import (
	"crypto/tls"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// keys lists the keys of `default` and of profiles, in the order of the file:
// name, whether the product obeys it today, how it is decoded.
func keys() []key {
	return slices.Concat(protocolKeys(), trustKeys(), useKeys())
}

func protocolKeys() []key {
	return []key{
		{"versions.min", word("versions.min", versionNames, func(e *Effective, i int) { e.MinVersion = versionValues[i] })},
		{"versions.max", word("versions.max", versionNames, func(e *Effective, i int) { e.MaxVersion = versionValues[i] })},
		{"cipher_suites", decodeSuites},
		{"key_exchange", namedList("key_exchange", groups, func(e *Effective, v []tls.CurveID) { e.KeyExchange = v })},
		{"signature_algorithms", namedList("signature_algorithms", signatures,
			func(e *Effective, v []tls.SignatureScheme) { e.SignatureAlgorithms = v })},
		{"min_key_bits.rsa", number("min_key_bits.rsa", 1024, 16384, func(e *Effective, v int) { e.MinRSABits = v })},
		{"min_key_bits.ecdsa", number("min_key_bits.ecdsa", 224, 521, func(e *Effective, v int) { e.MinECDSABits = v })},
	}
}

func trustKeys() []key {
	destinations := func(what string, set func(*Effective, []Destination)) decoding {
		return list(what, false,
			func(_ *decoder, text string) (Destination, error) { return parseDestination(text) }, set)
	}
	return []key{
		{"peers.allow", destinations("peers.allow", func(e *Effective, v []Destination) { e.PeersAllowed = v })},
		{"peers.deny", destinations("peers.deny", func(e *Effective, v []Destination) { e.PeersDenied = v })},
		{"trust.roots", decodeRoots},
		{"trust.program_roots", word("trust.program_roots", programRootsWords,
			func(e *Effective, i int) { e.ProgramRoots = ProgramRoots(i) })},
		{"trust.max_depth", number("trust.max_depth", 1, 100, func(e *Effective, v int) { e.MaxDepth = v })},
		{"trust.revocation", word("trust.revocation", revocationWords,
			func(e *Effective, i int) { e.Revocation = Revocation(i) })},
		{"trust.revocation_networks", word("trust.revocation_networks", []string{"public", "any"},
			func(e *Effective, i int) { e.RevocationAnywhere = i == 1 })},
		{"trust.revocation_timeout", duration("trust.revocation_timeout", 100*time.Millisecond,
			time.Minute,
			func(e *Effective, v time.Duration) { e.RevocationTimeout = v })},
		{"trust.crl_files", list("trust.crl_files", false, parseFile, func(e *Effective, v []string) { e.CRLFiles = v })},
		{"trust.transparency", word("trust.transparency", []string{"off", "require"},
			func(e *Effective, i int) { e.Transparency = i == 1 })},
		{"trust.transparency_logs", decodePath("trust.transparency_logs", func(e *Effective, v string) { e.TransparencyLogs = v })},
		{"trust.pins", decodePins},
		{verifyKey, onOff(verifyKey, func(e *Effective, on bool) { e.SkipVerify = !on })},
	}
}

func useKeys() []key {
	return []key{
		{"sessions.resumption", onOff("sessions.resumption", func(e *Effective, on bool) { e.Resumption = on })},
		// RFC 8446, 4.6.1
		{"sessions.lifetime", duration("sessions.lifetime", time.Second, 7*24*time.Hour,
			func(e *Effective, v time.Duration) { e.Lifetime = v })},
		{"sessions.shared_by", word("sessions.shared_by", sharingWords,
			func(e *Effective, i int) { e.SharedBy = Sharing(i) })},
		{"sessions.ticket_store", decodeTicketStore},
		{"server.identity", decodeServerIdentity},
		{"server.client_auth", word("server.client_auth", clientAuthWords,
			func(e *Effective, i int) { e.ClientAuth = ClientAuth(i) })},
		{"server.alpn", list("server.alpn", false, parseALPN, func(e *Effective, v []string) { e.ServerALPN = v })},
		{"server.ocsp_stapling", onOff("server.ocsp_stapling", func(e *Effective, on bool) { e.OCSPStapling = on })},
		{"program_options", decodeProgramOptions},
		{"plain_tcp", decodePlainTCP},
		{"upgrade", decodeUpgrade},
		{"truncation", word("truncation", []string{"error", "end"}, func(e *Effective, i int) { e.SloppyEnd = i == 1 })},
		{"limits.connections", number("limits.connections", 1, 10_000_000, func(e *Effective, v int) { e.Connections = v })},
		{"limits.handshakes", number("limits.handshakes", 1, 1_000_000, func(e *Effective, v int) { e.Handshakes = v })},
		{"limits.handshake_timeout", duration("limits.handshake_timeout", 100*time.Millisecond,
			10*time.Minute,
			func(e *Effective, v time.Duration) { e.HandshakeTimeout = v })},
		{"limits.client_handshake_timeout", duration("limits.client_handshake_timeout",
			100*time.Millisecond, 10*time.Minute,
			func(e *Effective, v time.Duration) { e.ClientHandshakeTimeout = v })},
	}
}

// decodePath decodes the path of a file that is read later.
func decodePath(what string, set func(*Effective, string)) decoding {
	return func(d *decoder, n *yaml.Node) change {
		text, ok := d.text(n, what)
		if !ok {
			return nil
		}
		path := d.path(text)
		return func(e *Effective) { set(e, path) }
	}
}
