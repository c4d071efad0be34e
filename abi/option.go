package abi

import "strconv"

// Option is the number of a socket option of level IPPROTO_TLS.
type Option uint32

// The options, with the prototype's numbers.
const (
	RemoteHostname          Option = 85
	Hostname                Option = 86
	TrustedPeerCertificates Option = 87
	CertificateChain        Option = 88
	PrivateKey              Option = 89
	ALPN                    Option = 90
	SessionTTL              Option = 91
	DisableCipher           Option = 92
	PeerIdentity            Option = 93
	RequestPeerAuth         Option = 94
	PeerCertificateChain    Option = 95
	ID                      Option = 96
	TrustedCiphers          Option = 97
	ChosenCipher            Option = 98
	Error                   Option = 100
	RevocationChecks        Option = 102
	OCSPStapledChecks       Option = 103
	OCSPChecks              Option = 104
	CRLChecks               Option = 105
	CachedRevChecks         Option = 106
	Context                 Option = 107
	SessionReuse            Option = 108
	ResumedSession          Option = 109
	EnableCipher            Option = 110
	VersionMin              Option = 111
	VersionMax              Option = 112
	VersionConn             Option = 113
	ServerOCSPStapling      Option = 122
)

// Kind is the type of an option's value.
type Kind uint8

// Kinds of values.
const (
	String    Kind = iota // bytes, with or without a terminating NUL; returned with it
	PEMOrPath             // PEM text, or a path to a file (or folder, for roots)
	Int                   // a C int, host byte order
	Uint64                // a uint64_t, host byte order
)

// OptionInfo describes one option: the row of the contract's table.
type OptionInfo struct {
	Option Option
	Name   string // as in <netinet/tls.h>
	Kind   Kind
	Set    Moment
	Get    Moment
	Repeat bool // setting again adds rather than replaces
	Doc    string
}

// Options is the contract's table in order of number. The header, the manual
// page, the handlers and the conformance page are checked against it.
var Options = []OptionInfo{
	{RemoteHostname, "TLS_REMOTE_HOSTNAME", String, BeforeConnect, Any, false, "name to verify and to send as SNI"},
	{Hostname, "TLS_HOSTNAME", String, BeforeUse, Any, false, "local name; on an accepted socket, the name the client asked for"},
	{TrustedPeerCertificates, "TLS_TRUSTED_PEER_CERTIFICATES", PEMOrPath, BeforeUse, Never, false, "roots, or the peer's own certificate"},
	{CertificateChain, "TLS_CERTIFICATE_CHAIN", PEMOrPath, BeforeUse, Never, true, "our certificate chain, leaf first"},
	{PrivateKey, "TLS_PRIVATE_KEY", PEMOrPath, BeforeUse, Never, true, "key of a chain given before"},
	{ALPN, "TLS_ALPN", String, BeforeUse, Any, false, "comma-separated protocols, best first; then the one chosen"},
	{SessionTTL, "TLS_SESSION_TTL", Int, BeforeUse, Any, false, "seconds a session may be resumed; 0: never"},
	{DisableCipher, "TLS_DISABLE_CIPHER", String, BeforeUse, Never, true, "one suite not to use"},
	{PeerIdentity, "TLS_PEER_IDENTITY", String, Never, Connected, false, "the verified name of the peer"},
	{RequestPeerAuth, "TLS_REQUEST_PEER_AUTH", Int, BeforeListen, Any, false, "client certificates: 0 none, 1 required, 2 asked for"},
	{PeerCertificateChain, "TLS_PEER_CERTIFICATE_CHAIN", String, Never, Connected, false, "PEM, leaf first"},
	{ID, "TLS_ID", Uint64, Never, Any, false, "the connection's number in logs and status"},
	{TrustedCiphers, "TLS_TRUSTED_CIPHERS", String, BeforeUse, Any, false, "colon-separated suites: only these"},
	{ChosenCipher, "TLS_CHOSEN_CIPHER", String, Never, Connected, false, "IANA name of the suite"},
	{Error, "TLS_ERROR", String, Never, Any, false, "why the last operation on this socket failed"},
	{RevocationChecks, "TLS_REVOCATION_CHECKS", Int, BeforeUse, Any, false, "1 asks for more than the policy does"},
	{OCSPStapledChecks, "TLS_OCSP_STAPLED_CHECKS", Int, BeforeUse, Any, false, "whether stapled OCSP may answer"},
	{OCSPChecks, "TLS_OCSP_CHECKS", Int, BeforeUse, Any, false, "whether OCSP may answer"},
	{CRLChecks, "TLS_CRL_CHECKS", Int, BeforeUse, Any, false, "whether CRLs may answer"},
	{CachedRevChecks, "TLS_CACHED_REV_CHECKS", Int, BeforeUse, Any, false, "whether cached answers may serve"},
	{Context, "TLS_CONTEXT", Uint64, BeforeUse, Any, false, "take another socket's settings and session cache"},
	{SessionReuse, "TLS_SESSION_REUSE", Int, BeforeUse, Any, false, "whether sessions are resumed"},
	{ResumedSession, "TLS_RESUMED_SESSION", Int, Never, Connected, false, "whether this connection resumed a session"},
	{EnableCipher, "TLS_ENABLE_CIPHER", String, BeforeUse, Never, true, "undo a TLS_DISABLE_CIPHER"},
	{VersionMin, "TLS_VERSION_MIN", Int, BeforeUse, Any, false, "0x0303 or 0x0304"},
	{VersionMax, "TLS_VERSION_MAX", Int, BeforeUse, Any, false, "0x0303 or 0x0304"},
	{VersionConn, "TLS_VERSION_CONN", Int, Never, Connected, false, "the version negotiated"},
	{ServerOCSPStapling, "TLS_SERVER_OCSP_STAPLING", Int, BeforeListen, Any, false, "staple OCSP answers"},
}

// LookupOption returns the table's row for a number.
func LookupOption(o Option) (OptionInfo, bool) {
	for _, info := range Options {
		if info.Option == o {
			return info, true
		}
	}
	return OptionInfo{}, false
}

// String returns the name of the option as in <netinet/tls.h>.
func (o Option) String() string {
	if info, ok := LookupOption(o); ok {
		return info.Name
	}
	return "option " + strconv.Itoa(int(o)) + " of IPPROTO_TLS"
}
