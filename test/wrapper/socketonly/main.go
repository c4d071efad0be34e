//go:build linux

// Command socketonly makes a TLS socket and ends.
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, abi.ProtocolTLS)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := unix.SetsockoptString(fd, abi.ProtocolTLS, int(abi.RemoteHostname),
		"example.com"); err != nil {
		return fmt.Errorf("setsockopt: %w", err)
	}
	return unix.Close(fd)
}
