// Command client is a TLS client in Go without crypto/tls: two lines in
// net.Dialer's Control make its TCP sockets TLS sockets. Package ssa of this
// module wraps just that.
//
//	go build -o client .
//	ssa run -- ./client example.com 443 /
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

const (
	protocolTLS    = 205 // IPPROTO_TLS
	remoteHostname = 85  // TLS_REMOTE_HOSTNAME
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: client host port path")
		os.Exit(2)
	}
	if err := fetch(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func fetch(host, port, path string) error {
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptString(int(fd), protocolTLS,
				remoteHostname, host)
		})
		return first(failed, err)
	}}
	conn, err := dialer.Dial("tcp", net.JoinHostPort(host, port))
	if errors.Is(err, syscall.ENOPROTOOPT) {
		return fmt.Errorf("%w: start it with ssa run -- client", err)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host); err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, conn)
	return err
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
