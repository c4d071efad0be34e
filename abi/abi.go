// Package abi holds the numbers and byte layouts of the contract with
// programs: protocol, family and option numbers, socket addresses and errno
// values. It is pure data and decoding: it holds no state, makes no system
// call and imports nothing of this project.
package abi

// Protocol, family and option numbers, as in <netinet/tls.h>.
const (
	// ProtocolTLS is IPPROTO_TLS, the protocol argument of socket(2) and the
	// level of the TLS options.
	ProtocolTLS = 205
	// FamilyHostname is AF_HOSTNAME, the family of a SockaddrHost.
	FamilyHostname = 43
	// OptionUpgradeTLS is TCP_UPGRADE_TLS, at level IPPROTO_TCP.
	OptionUpgradeTLS = 33
	// Version12 and Version13 are TLS_1_2 and TLS_1_3, values of the options for
	// versions.
	Version12 = 0x0303
	Version13 = 0x0304
)

// Address families and levels of Linux that the contract refers to.
const (
	FamilyUnspec = 0
	FamilyUnix   = 1
	FamilyInet   = 2
	FamilyInet6  = 10

	LevelSocket = 1
	LevelIP     = 0
	LevelTCP    = 6
	LevelIPv6   = 41
)
