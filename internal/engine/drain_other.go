//go:build !unix

package engine

// closeAfterAlert closes TCP after a handshake failed.
func closeAfterAlert(tcp Stream) { _ = tcp.Close() }
