//go:build !unix

package local

// closeAfterAlert closes TCP after a handshake failed.
func closeAfterAlert(tcp Stream) { _ = tcp.Close() }
