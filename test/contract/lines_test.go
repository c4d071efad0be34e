//go:build linux

package contract

import "github.com/secure-socket-api/ssa/abi"

// optionLines are the contract's table of options.
var optionLines = map[abi.Option]line{
	abi.RemoteHostname: {tests: []string{"contract TestVerification/right name",
		"contract TestOptionErrors", "contract TestHostNames", "contract TestOptionMoments"}},
	abi.Hostname: {tests: []string{"contract TestServerFacts",
		"contract TestUpgradeServer", "starttls TestMailServer"}},
	abi.TrustedPeerCertificates: {tests: []string{"contract TestProgramRoots", "contract TestRequestPeerAuth", "contract TestBadPaths"}},
	abi.CertificateChain: {tests: []string{"contract TestPEMInMemory", "contract TestBadPaths",
		"interop TestSNI", "contract TestNoCertificate"}},
	abi.PrivateKey: {tests: []string{"contract TestPEMInMemory",
		"contract TestOptionErrors", "contract TestBadPaths", "contract TestOptionMoments"}},
	abi.ALPN: {tests: []string{"contract TestClientALPN",
		"contract TestServerFacts", "contract TestOptionErrors"}},
	abi.SessionTTL: {tests: []string{"contract TestClientSessions/TLS_SESSION_TTL is over", "contract TestClientSessions/TLS_SESSION_TTL of 0", "contract TestServerSessions/TLS_SESSION_TTL is over",
		"contract TestWeakening/longer sessions"}},
	abi.DisableCipher: {tests: []string{"contract TestClientHello/TLS_DISABLE_CIPHER", "contract TestClientHello/disable by OpenSSL's name", "contract TestClientHello/disable, of TLS 1.3", "contract TestClientHello/disable, repeated", "contract TestServerChoice/TLS_DISABLE_CIPHER"}},
	abi.PeerIdentity:  {tests: []string{"contract TestVerification/address without a name", "contract TestRequestPeerAuth/2, with"}},
	abi.RequestPeerAuth: {tests: []string{"contract TestRequestPeerAuth/0, with",
		"contract TestRequestPeerAuth/1", "contract TestRequestPeerAuth/2, without",
		"contract TestRequestPeerAuth/2, with",
		"contract TestClientCertificate", "contract TestWeakening/clients without certificates"}},
	abi.PeerCertificateChain: {tests: []string{"contract TestVerification/right name",
		"contract TestRequestPeerAuth/1", "contract TestOptionErrors"}},
	abi.ID: {tests: []string{"contract TestVerification/right name",
		"contract TestContext", "contract TestOptionErrors"}},
	abi.TrustedCiphers: {tests: []string{"contract TestClientHello/TLS_TRUSTED_CIPHERS", "contract TestClientHello/trusted, of TLS 1.3 alone", "contract TestServerChoice/TLS_TRUSTED_CIPHERS", "contract TestServerChoice/nothing in common"}},
	abi.ChosenCipher: {tests: []string{"contract TestServerChoice",
		"contract TestPolicySuites"}},
	abi.Error: {tests: []string{"contract TestVerification",
		"contract TestWeakening", "contract TestUnknownNames"}},
	abi.RevocationChecks:  {tests: []string{"trust TestProgramsAskForMore/asked, revoked", "trust TestProgramsAskForMore/less"}},
	abi.OCSPStapledChecks: {tests: []string{"trust TestProgramsAskForMore/asked, but the staple must not answer", "trust TestProgramsAskForMore/less ways"}},
	abi.OCSPChecks: {tests: []string{"contract TestWrongSizes",
		"contract TestOptionMoments"}, not: "unit-tested only, in `internal/policy`"},
	abi.CRLChecks: {tests: []string{"contract TestWrongSizes",
		"contract TestOptionMoments"}, not: "unit-tested only, in `internal/policy`"},
	abi.CachedRevChecks: {tests: []string{"contract TestWrongSizes",
		"contract TestOptionMoments"}, not: "unit-tested only, in `internal/policy`"},
	abi.Context: {tests: []string{"contract TestContext",
		"contract TestContextSessions"}},
	abi.SessionReuse:   {tests: []string{"contract TestClientSessions/TLS_SESSION_REUSE is none", "contract TestServerSessions/TLS_SESSION_REUSE is none", "contract TestWeakening/resumption"}},
	abi.ResumedSession: {tests: []string{"contract TestClientSessions/the policy's time", "contract TestServerSessions/the policy's time"}},
	abi.EnableCipher:   {tests: []string{"contract TestClientHello/TLS_ENABLE_CIPHER", "contract TestServerChoice/TLS_ENABLE_CIPHER", "contract TestWeakening/a suite that is not allowed"}},
	abi.VersionMin: {tests: []string{"contract TestClientHello/TLS_VERSION_MIN", "contract TestServerChoice/TLS_VERSION_MIN",
		"contract TestWeakening/older minimum"}},
	abi.VersionMax: {tests: []string{"contract TestClientHello/TLS_VERSION_MAX", "contract TestServerChoice/TLS_VERSION_MAX", "contract TestWeakening/maximum below the minimum"}},
	abi.VersionConn: {tests: []string{"contract TestServerChoice",
		"contract TestPolicyVersions", "contract TestVerification"}},
	abi.ServerOCSPStapling: {tests: []string{"contract TestWrongSizes",
		"contract TestOptionMoments"}, not: "unit-tested only, in `internal/engine`"},
}

// resultLines are its table of results.
var resultLines = []line{
	{promise: "not SOCK_STREAM: EPROTONOSUPPORT", tests: []string{"contract TestSocketErrors", "contract TestHostNameSockets"}},
	{promise: "another family: ESOCKTNOSUPPORT", tests: []string{"contract TestSocketErrors"}},
	{promise: "handshake or verification fails: EPROTO", tests: []string{"contract TestVerification", "contract TestVerificationNonblocking", "hostile TestBadServers"}},
	{promise: "... and accept never shows that connection", tests: []string{"contract TestRequestPeerAuth/1", "contract TestServerChoice/nothing in common", "hostile TestBadClients"}},
	{promise: "TCP's own errors: ECONNREFUSED", tests: []string{"differential TestDifferential/refused", "differential TestDifferential/refused-nonblocking"}},
	{promise: "TCP's own errors: ETIMEDOUT", tests: []string{"contract TestNetworkErrors", "contract TestConnectionTimesOut"}},
	{promise: "TCP's own errors: ENETUNREACH, EACCES", tests: []string{"contract TestNetworkErrors"}},
	{promise: "TCP's own errors: EADDRINUSE, EADDRNOTAVAIL", tests: []string{"differential TestDifferential/bind-states", "differential TestDifferential/bind-foreign"}},
	{promise: "a name that does not resolve: EHOSTUNREACH and a sentence", tests: []string{"contract TestUnknownNames", "contract TestHostNamesRefused"}},
	{promise: "weaker than the policy: EPERM, nothing changed", tests: []string{"contract TestWeakening"}},
	{promise: "unknown option: ENOPROTOOPT", tests: []string{"contract TestOptionErrors", "contract TestOtherSocketsStay"}},
	{promise: "too late: EISCONN when connected, EINVAL when listening", tests: []string{"contract TestOptionMoments"}},
	{promise: "too early: ENOTCONN", tests: []string{"contract TestOptionMoments"}},
	{promise: "malformed value: EINVAL", tests: []string{"contract TestWrongSizes", "contract TestOptionErrors", "contract TestContext"}},
	{promise: "no such file: ENOENT, EACCES as open(2) says", tests: []string{"contract TestBadPaths"}},
	{promise: "key without its chain: EINVAL", tests: []string{"contract TestOptionErrors"}},
	{promise: "result buffer too small: ERANGE and the size needed", tests: []string{"contract TestOptionErrors"}},
	{promise: "bad pointer: EFAULT", tests: []string{"contract TestWrongSizes", "contract TestOptionErrors", "hostile TestWildCalls"}},
	{promise: "the service is not there: ENETDOWN, at once", tests: []string{"service TestStartedWithoutService", "service TestKilledUnderClients"}},
	{promise: "the service dies under a connection: ECONNRESET", tests: []string{"service TestKilledUnderClients", "service TestKilledUnderServer", "service TestWorkerKilled"}},
	{promise: "`ssa run` itself is killed: nothing leaks, writes fail, new sockets say ENOSYS, which is the kernel's answer", tests: []string{"contract TestServiceDies"}, not: "but a read then sees an end of file"},
	{promise: "non-blocking connect: EINPROGRESS, writable when over, SO_ERROR once", tests: []string{"differential TestDifferential/nonblocking", "differential TestDifferential/epoll-while-connecting", "contract TestVerificationNonblocking"}},
	{promise: "connect again: EALREADY, EISCONN", tests: []string{"differential TestDifferential/connect-again", "differential TestDifferential/connect-again-nonblocking"}},
	{promise: "close_notify: read returns 0", tests: []string{"contract TestTruncation/close_notify", "differential TestDifferential/half-close-by-peer"},
		not: "after a peer has closed altogether, some writes are taken before EPIPE, where TCP says it from the second on: a write " +
			"is over when the local stream has it, and what became of it at the peer is known later"},
	{promise: "end of TCP alone: what was received, then ECONNRESET", tests: []string{"contract TestTruncation/end of TCP", "contract TestTruncation/in the middle of a record", "contract TestTruncationPolled", "contract TestErrTruncatedIsNoticed"}},
	{promise: "... unless the administrator allows it", tests: []string{"contract TestTruncationAllowed"}},
	{promise: "shutdown(SHUT_WR): everything goes out, then close_notify; reading goes on", tests: []string{"differential TestDifferential/half-close", "contract TestTruncation"},
		not: "after SHUT_RD, read returns what had come and then 0, where TCP goes on to give what comes later: the kernel ends the " +
			"local stream, and reads are not seen by the gate"},
	{promise: "close, exit, kill: everything goes out, then close_notify", tests: []string{"contract TestEndsOnTheWire/close", "contract TestEndsOnTheWire/exit", "contract TestEndsOnTheWire/killed"}},
	{promise: "no name: the certificate must name the address", tests: []string{"contract TestVerification/address without a name", "contract TestVerification/no name and no address"}},
}

// tcpLines are what it says of TCP sockets.
var tcpLines = []line{
	{promise: "blocking and non-blocking use", tests: []string{"differential TestDifferential/blocking", "differential TestDifferential/nonblocking", "differential TestDifferential/accept-nonblocking", "differential TestDifferential/blocking-after-nonblocking"}},
	{promise: "poll, select", tests: []string{"differential TestDifferential/nonblocking", "differential TestDifferential/select", "contract TestTruncationPolled"}},
	{promise: "epoll, level and edge", tests: []string{"differential TestDifferential/epoll-level", "differential TestDifferential/epoll-edge", "differential TestDifferential/epoll-oneshot", "differential TestDifferential/epoll-refused", "differential TestDifferential/epoll-edge-writer", "differential TestDifferential/epoll-listener-level", "differential TestDifferential/epoll-listener-edge"}},
	{promise: "dup, fork, exec", tests: []string{"differential TestDifferential/dup", "differential TestDifferential/fork", "differential TestDifferential/fork-both", "differential TestDifferential/fork-before-connect", "differential TestDifferential/fork-server", "differential TestDifferential/exec", "differential TestDifferential/cloexec"}},
	{promise: "SCM_RIGHTS", tests: []string{"differential TestDifferential/scm-rights", "differential TestDifferential/scm-rights-over", "servers TestServers/passing"}},
	{promise: "threads", tests: []string{"differential TestDifferential/threads", "differential TestDifferential/threads-connect", "servers TestServers/threads"}},
	{promise: "servers as people write them", tests: []string{"servers TestServers/prefork", "servers TestServers/epoll-workers", "servers TestServers/reuseport", "servers TestServers/re-exec", "servers TestServers/activation", "servers TestServers/inetd"}},
	{promise: "signals: EINTR and SA_RESTART", tests: []string{"differential TestDifferential/eintr-connect", "differential TestDifferential/restart-connect", "differential TestDifferential/eintr-accept", "differential TestDifferential/restart-accept", "differential TestDifferential/eintr-read", "differential TestDifferential/restart-read", "differential TestDifferential/signal-storm", "differential TestDifferential/setup-storm-restart"}},
	{promise: "time-outs", tests: []string{"differential TestDifferential/timeouts", "differential TestDifferential/timeout-connect", "differential TestDifferential/timeout-accept", "contract TestTimeouts"}},
	{promise: "MSG_PEEK and the other flags", tests: []string{"differential TestDifferential/flags"}},
	{promise: "sendfile, splice, readv", tests: []string{"differential TestDifferential/sendfile", "differential TestDifferential/splice", "differential TestDifferential/vectors"}},
	{promise: "FIONREAD", tests: []string{"differential TestDifferential/queue-sizes"}},
	{promise: "TCP_NODELAY, SO_KEEPALIVE and its timers, SO_REUSEADDR, SO_REUSEPORT, IP_TOS, SO_BINDTODEVICE, SO_MARK, TCP_USER_TIMEOUT: set and read as TCP does", tests: []string{"contract TestOptionsAsTCP", "differential TestDifferential/plain-options", "differential TestDifferential/listener-options", "differential TestDifferential/option-arguments", "differential TestDifferential/reuseport"}},
	{promise: "... and of the real connection", tests: []string{"contract TestKeepaliveTimer", "contract TestConnectionTimesOut", "contract TestLingerZero", "differential TestDifferential/linger"}},
	{promise: "SO_RCVBUF, SO_SNDBUF, SO_RCVTIMEO, SO_SNDTIMEO", tests: []string{"contract TestOptionsAsTCP", "contract TestTimeouts"}},
	{promise: "bind to a port, to 0, to a source address", tests: []string{"differential TestDifferential/bind-states", "differential TestDifferential/source-address"}},
	{promise: "connect with AF_UNSPEC disconnects", tests: []string{"contract TestDisconnect"},
		not: "the first write after that is ENOTCONN, where TCP says ECONNRESET: a fresh local socket takes the place of the " +
			"connection, and such a socket cannot be given an error to tell"},
	{promise: "MSG_FASTOPEN connects, then sends", tests: []string{"contract TestFastOpen"}, not: "but sendto with an address and without that flag is EOPNOTSUPP or EISCONN, as on local sockets; TCP says EPIPE or ignores the address"},
	{promise: "bind with SO_REUSEADDR beside connections that are ending", tests: []string{"contract TestRebind"}},
	{promise: "getsockname, getpeername", tests: []string{"differential TestDifferential/client-names", "differential TestDifferential/connecting-names", "differential TestDifferential/refused-names", "differential TestDifferential/server-names", "differential TestDifferential/name-arguments"}},
	{promise: "SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN", tests: []string{"contract TestOptionsAsTCP", "contract TestHostNameSockets", "differential TestDifferential/identities", "differential TestDifferential/client-identities"}},
	{promise: "TCP_INFO", tests: []string{"differential TestDifferential/tcp-info", "contract TestOptionsAsTCP"}},
	{promise: "read, write, connect, accept and listen in the wrong state", tests: []string{"differential TestDifferential/accept-bad", "differential TestDifferential/bind-states", "differential TestDifferential/refused", "differential TestDifferential/not-connected", "differential TestDifferential/shutdown-bad"}},
	{promise: "other sockets are not touched", tests: []string{"differential TestDifferential/udp", "differential TestDifferential/unix", "differential TestDifferential/socketpair", "differential TestDifferential/not-sockets", "contract TestOtherSocketsStay"}},
}

// wayLines are the other ways to a TLS socket.
var wayLines = []line{
	{promise: "an AF_HOSTNAME address, for every family; ended by its NUL or its length", tests: []string{"contract TestHostNames/AF_INET", "contract TestHostNames/AF_INET6", "contract TestNameEndsWithAddress", "contract TestNameResolution"}},
	{promise: "socket(AF_HOSTNAME): both families, the next address when one refuses", tests: []string{"contract TestHostNames/AF_HOSTNAME, IPv6 is refused", "contract TestHostNames/AF_HOSTNAME, IPv4 is refused", "contract TestHostNamesRefused", "contract TestHostNameSockets"}},
	{promise: "... and when one does not answer (RFC 8305)", tests: []string{"contract TestHostNameRace"}},
	{promise: "a TLS option on an unconnected TCP socket makes it a TLS socket", tests: []string{"contract TestPlainBecomesTLS/fresh", "contract TestPlainBecomesTLS/bound", "contract TestPlainBecomesTLS/dup", "contract TestPlainBecomesTLS/options", "languages TestClients"}},
	{promise: "... and so does every copy of it, or it sends nothing", tests: []string{"contract TestOlderCopies", "contract TestConvertedAgainstConnected"}},
	{promise: "... and one that listens, with the next listen", tests: []string{"contract TestInheritedListener"}},
	{promise: "a connected one remembers it", tests: []string{"contract TestUpgradeServer"}},
	{promise: "TCP_UPGRADE_TLS of a client", tests: []string{"contract TestUpgradeClient", "starttls TestPostgreSQL"}},
	{promise: "TCP_UPGRADE_TLS of a server", tests: []string{"contract TestUpgradeServer", "starttls TestMailServer"}},
	{promise: "... of a connection that another process has: EBUSY", tests: []string{"contract TestHeldCopies"}, not: "but copies under way in a message, or in processes that cannot be seen, stay plain until their next call"},
	{promise: "paths are the program's own: relative, its root, its rights", tests: []string{"contract TestPEMInMemory", "contract TestBadPaths"}},
}

// limitLines are where a TLS socket falls short of a TCP socket for good; the
// rest is in docs/conformance.md.
var limitLines = []line{
	{promise: "the first write after a peer's reset is EPIPE with SIGPIPE, not ECONNRESET: an AF_UNIX socket looks at the shutdown before the error", tests: []string{"differential TestDifferential/reset-write-first"}},
	{promise: "SO_RCVLOWAT is kept and told, but poll() and read() do not wait for as much", tests: []string{"contract TestLimits"}},
	{promise: "MSG_WAITALL has no effect beside MSG_TRUNC: what is there is discarded, and the call does not wait for more", tests: []string{"contract TestLimits"}},
	{promise: "a connection takes two descriptors of `ssa run` that does TLS itself; its limit is the program's, see [SECURITY.md](../SECURITY.md)", tests: []string{"contract TestDescriptors"}},
}
