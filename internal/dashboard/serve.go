package dashboard

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"github.com/secure-socket-api/ssa/internal/service/pages"
)

// Listen listens at an address of loopback.
func Listen(address string) (net.Listener, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() || at.Addr().Zone() != "" {
		return nil, fmt.Errorf("the address of the dashboard is %q, and must be a loopback address with a port, such as 127.0.0.1:9206: "+
			"what it shows and its key would cross the network in the clear", address)
	}
	listener, err := net.Listen("tcp", at.String())
	if err != nil {
		return nil, fmt.Errorf("listening for browsers: %w", err)
	}
	return listener, nil
}

// maxBrowsers bounds the connections of browsers.
const maxBrowsers = 64

// Serve serves the page on a listener, which it closes, until ctx ends.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	if err := pages.Serve(ctx, listener, handler, maxBrowsers); err != nil {
		return fmt.Errorf("serving the dashboard: %w", err)
	}
	return nil
}
