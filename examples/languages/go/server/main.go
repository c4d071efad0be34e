// Command server is an HTTPS server in Go without crypto/tls: net/http on a
// listener that net.ListenConfig's Control has made a TLS listener. Package
// ssa of this module wraps just that.
//
//	go build -o server .
//	ssa run -- ./server 127.0.0.1 8443 chain.pem key.pem
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
)

const (
	protocolTLS      = 205 // IPPROTO_TLS
	certificateChain = 88  // TLS_CERTIFICATE_CHAIN
	privateKey       = 89  // TLS_PRIVATE_KEY
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: server address port chain.pem key.pem")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func serve(address, port, chain, key string) error {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) {
			if err = syscall.SetsockoptString(int(fd), protocolTLS, certificateChain, chain); err == nil {
				err = syscall.SetsockoptString(int(fd), protocolTLS, privateKey, key)
			}
		})
		if failed != nil {
			return failed
		}
		return err
	}}
	listener, err := config.Listen(context.Background(), "tcp", net.JoinHostPort(address, port))
	if errors.Is(err, syscall.ENOPROTOOPT) {
		return fmt.Errorf("%w: start it with ssa run -- server", err)
	}
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s port %d\n", address, listener.Addr().(*net.TCPAddr).Port)
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "Hello from Go.")
	}))
}
