package local

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// ingredients are what settings are made of.
type ingredients struct {
	*engine.Request
	pol *policy.Effective
	// config and suites13 have the versions, suites and groups that follow from
	// the policy. Only a scope needs them; they are nil while there is none.
	config   *tls.Config
	suites13 []uint16
}

// A dependence says of one field of a policy or of a request whether settings
// are made of it. There is one for each field: a connection must never get the
// settings of another one that differ in what it may do.
type dependence struct {
	field string
	// key adds the field to the key by which settings are found again. It may
	// use addresses of what never changes: the key means something in this
	// process alone, and settings keep alive what they are made of.
	key func(*digest, ingredients)
	// scope adds the field to the scope of a server's sessions, by content:
	// other machines must come to the same.
	scope func(*digest, ingredients)
	// notKey and notScope say why the field is not part of the one or the other.
	notKey, notScope string
}

// both is a field that key and scope take in the same way.
func both(field string, add func(*digest, ingredients)) dependence {
	return dependence{field: field, key: add, scope: add}
}

// not is a field of which no settings are made.
func not(field, because string) dependence {
	return dependence{field: field, notKey: because, notScope: because}
}

// policyFields are the fields of policy.Effective.
var policyFields = []dependence{
	both("Profile", func(d *digest, in ingredients) { d.text(in.pol.Profile) }),
	{
		field: "MinVersion",
		key:   func(d *digest, in ingredients) { d.number(uint64(in.pol.MinVersion)) },
		scope: func(d *digest, in ingredients) { d.number(uint64(in.config.MinVersion)) },
	},
	{
		field: "MaxVersion",
		key:   func(d *digest, in ingredients) { d.number(uint64(in.pol.MaxVersion)) },
		scope: func(d *digest, in ingredients) { d.number(uint64(in.config.MaxVersion)) },
	},
	{
		field: "CipherSuites",
		key:   func(d *digest, in ingredients) { numbers(d, in.pol.CipherSuites) },
		scope: func(d *digest, in ingredients) { numbers(d, in.config.CipherSuites) },
	},
	{
		field: "CipherSuites13",
		key:   func(d *digest, in ingredients) { numbers(d, in.pol.CipherSuites13) },
		scope: func(d *digest, in ingredients) { numbers(d, in.suites13) },
	},
	{
		field: "KeyExchange",
		key:   func(d *digest, in ingredients) { numbers(d, in.pol.KeyExchange) },
		scope: func(d *digest, in ingredients) { numbers(d, in.config.CurvePreferences) },
	},
	both("SignatureAlgorithms",
		func(d *digest, in ingredients) { numbers(d, in.pol.SignatureAlgorithms) }),
	both("MinRSABits", func(d *digest, in ingredients) { d.number(uint64(in.pol.MinRSABits)) }),
	both("MinECDSABits", func(d *digest, in ingredients) { d.number(uint64(in.pol.MinECDSABits)) }),
	not("PeersAllowed", "judged before there are settings, for each connection"),
	not("PeersDenied", "judged before there are settings, for each connection"),
	{
		field: "Anchors",
		key:   func(d *digest, in ingredients) { address(d, in.pol.Anchors) },
		scope: func(d *digest, in ingredients) { d.anchors(in.pol) },
	},
	{
		field:    "RootsFrom",
		key:      func(d *digest, in ingredients) { d.text(in.pol.RootsFrom) },
		notScope: "words for people; what the anchors are counts by content in Anchors",
	},
	both("ProgramRoots", func(d *digest, in ingredients) { d.number(uint64(in.pol.ProgramRoots)) }),
	both("MaxDepth", func(d *digest, in ingredients) { d.number(uint64(in.pol.MaxDepth)) }),
	both("Revocation", func(d *digest, in ingredients) { d.number(uint64(in.pol.Revocation)) }),
	both("RevocationWays", func(d *digest, in ingredients) {
		ways := in.pol.RevocationWays
		d.flags(ways.Stapled, ways.OCSP, ways.CRL, ways.Cached)
	}),
	both("RevocationAnywhere", func(d *digest, in ingredients) { d.flags(in.pol.RevocationAnywhere) }),
	both("RevocationTimeout",
		func(d *digest, in ingredients) { d.number(uint64(in.pol.RevocationTimeout)) }),
	both("CRLFiles", func(d *digest, in ingredients) { d.texts(in.pol.CRLFiles) }),
	both("Transparency", func(d *digest, in ingredients) { d.flags(in.pol.Transparency) }),
	not("TransparencyLogs", "the name of the file that Logs was read from"),
	{
		field:    "Logs",
		key:      func(d *digest, in ingredients) { address(d, in.pol.Logs) },
		notScope: "machines have different editions of the list; timestamps are judged in a resumed handshake as well",
	},
	both("Pins", func(d *digest, in ingredients) { d.pins(in.pol.Pins) }),
	{
		field:    "SkipVerify",
		key:      func(d *digest, in ingredients) { d.flags(in.pol.SkipVerify) },
		notScope: "servers verify their clients whatever it says",
	},
	{
		field:    "Resumption",
		key:      func(d *digest, in ingredients) { d.flags(in.pol.Resumption) },
		notScope: "a server without it gives no tickets and takes none",
	},
	both("Lifetime", func(d *digest, in ingredients) { d.number(uint64(in.pol.Lifetime)) }),
	both("SharedBy", func(d *digest, in ingredients) { d.number(uint64(in.pol.SharedBy)) }),
	{
		field:    "TicketStore",
		key:      func(d *digest, in ingredients) { d.ticketStore(in.pol) },
		notScope: "keys of another store open no ticket of this one",
	},
	not("ServerIdentities", "a request brings the identities that are shown"),
	both("ClientAuth", func(d *digest, in ingredients) { d.number(uint64(in.pol.ClientAuth)) }),
	{
		field:  "ServerALPN",
		scope:  func(d *digest, in ingredients) { d.texts(in.pol.ServerALPN) },
		notKey: "the request's protocols are judged by it before there are settings",
	},
	{
		field:    "OCSPStapling",
		key:      func(d *digest, in ingredients) { d.flags(in.pol.OCSPStapling) },
		notScope: "staples are shown in full handshakes alone",
	},
	not("ProgramOptions", "what a program asked for is in the policy already"),
	not("PlainTCP", "about connections that are not TLS"),
	not("Upgrade", "about how a connection came to be TLS"),
	not("SloppyEnd", "the end of a connection takes it from its own request"),
	not("Connections", "counted by who makes connections"),
	not("Handshakes", "counted by who makes connections"),
	not("HandshakeTimeout", "each connection has its own clock"),
	not("ClientHandshakeTimeout", "each connection has its own clock"),

	not("base", "the policy before the program tightened it"),
	not("roots", "how the policy's file spells Anchors"),
	not("serverIdentities", "how the policy's file spells ServerIdentities"),
	not("ticketStore", "how the policy's file spells TicketStore"),
	not("origins", "where the policy's file says it"),
}

// requestFields are the fields of Request.
var requestFields = []dependence{
	{
		field:    "Role",
		key:      func(d *digest, in ingredients) { d.number(uint64(in.Role)) },
		notScope: "clients have no such scope",
	},
	not("ID", "a number for logs"),
	not("Policy", "its fields stand by themselves"),
	not("Name", "each connection verifies its own, and has its own session by it"),
	not("Port", "each connection has its own session by it"),
	both("ALPN", func(d *digest, in ingredients) { d.texts(in.ALPN) }),
	both("Identities", func(d *digest, in ingredients) { d.identities(in.Identities) }),
	both("ProgramRoots", func(d *digest, in ingredients) { d.certificates(in.Request.ProgramRoots) }),
	both("Sharers", func(d *digest, in ingredients) { d.text(in.Sharers) }),
	not("Owner", "each connection is somebody's"),
	not("Asked", "Policy has been tightened by it"),
	not("Program", "who it is has been judged: Policy is the outcome"),
	not("HandshakeTimeout", "each connection has its own clock"),
}

// anchors adds whom a policy trusts, by content.
func (d *digest) anchors(pol *policy.Effective) {
	named, _ := pol.NamedRoots()
	d.flags(pol.Anchors != nil, pol.SystemRoots())
	d.certificates(named)
}

func (d *digest) certificates(certs []*x509.Certificate) {
	d.number(uint64(len(certs)))
	for _, cert := range certs {
		d.sum(cert.Raw)
	}
}
