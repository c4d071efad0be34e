// Package port finds TCP ports for servers that cannot choose one themselves.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports that the kernel gives to nobody who does not ask for one of them: those
// below ip_local_port_range (ip(7)), which a connect elsewhere on the machine
// would otherwise take in between.
const (
	first = 20000
	after = 32768
)

// Free returns a port of 127.0.0.1 where nobody listens at the moment.
func Free() (int, error) {
	var err error
	for range 100 {
		n := first + rand.IntN(after-first)
		listener, listenErr := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", n))
		if listenErr == nil {
			listener.Close()
			return n, nil
		}
		err = listenErr
	}
	return 0, fmt.Errorf("finding a free port: %w", err)
}
