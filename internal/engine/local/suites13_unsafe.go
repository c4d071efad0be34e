package local

import _ "unsafe" // for linkname

// crypto/tls has no setting for the cipher suites of TLS 1.3. It reads them,
// for what a client offers and for what a server picks, from these two
// variables, whose names and types it keeps for packages that link to them
// (go.dev/issue/67401). The second is for machines, and for a server's
// clients, without hardware for AES.

//go:linkname defaultCipherSuitesTLS13 crypto/tls.defaultCipherSuitesTLS13
var defaultCipherSuitesTLS13 []uint16

//go:linkname defaultCipherSuitesTLS13NoAES crypto/tls.defaultCipherSuitesTLS13NoAES
var defaultCipherSuitesTLS13NoAES []uint16
