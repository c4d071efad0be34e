// Package wire is the protocol between the service and those who ask it for
// TLS: gates, the Go package, `ssa status`. It frames, encodes and decodes
// messages and carries descriptors; docs/protocol.md describes it for others.
// Everything received is hostile until decoded: sizes, counts and numbers of
// descriptors are bounded before anything is allocated for them. The package
// never decides anything, and never trusts what a message says of its sender.
//
// A connection is an AF_UNIX stream. Each message is a frame:
//
//	length   4 bytes, big endian: of the fields
//	type     1 byte
//	count    1 byte: of descriptors that come with the frame (SCM_RIGHTS)
//	zero     2 bytes
//	fields   any number of: tag 1 byte, length 4 bytes big endian, value
//
// Numbers are 8 bytes, big endian. A tag may come several times where the field
// is a list.
package wire

// Version is that of the protocol. Both sides say theirs first; only the same
// version talks.
const Version = 1

// DefaultPath is where the service listens.
const DefaultPath = "/run/ssa/ssa.sock"

// Limits.
const (
	headerSize = 8
	// maxFields bounds the bytes of one message's fields.
	maxFields = 4 << 20
	// maxDescriptors bounds what comes with one message.
	maxDescriptors = 3
	// maxCount bounds the fields of one message.
	maxCount = 16384
)
