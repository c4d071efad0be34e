//go:build linux

package ssa_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/secure-socket-api/ssa"
	"github.com/secure-socket-api/ssa/abi"
)

func Example() {
	var dialer ssa.Dialer
	conn, err := dialer.DialContext(context.Background(), "tcp", "127.0.0.1:443")
	if err != nil {
		fmt.Println(err) // outside of ssa run
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
	// Output:
	// dial tcp 127.0.0.1:443: TLS sockets are not available here: start the program with ssa run, or start the service, ssa daemon
}

// An http.Client, with at least TLS 1.3.
func ExampleDialer_DialContext() {
	dialer := ssa.Dialer{Settings: []ssa.Setting{{Option: abi.VersionMin, Value: 0x0304}}}
	client := http.Client{Transport: &http.Transport{DialTLSContext: dialer.DialContext}}
	response, err := client.Get("https://example.com/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
}

// An http.Server.
func ExampleListen() {
	listener, err := ssa.Listen(context.Background(), "tcp", ":8443", "chain.pem", "key.pem")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := http.Server{Handler: http.FileServer(http.Dir("/srv/www"))}
	fmt.Println(server.Serve(listener))
}
