// Command tunnel takes TLS connections and passes their bytes on over plain
// TCP: what a TLS tunnel in Go costs when it does nothing else. It is a
// measure for benchmarks, not something to use: it has no limits and no
// time-outs.
package main

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"os"
	"sync"
)

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: tunnel listen-address backend-address chain.pem key.pem")
	}
	certificate, err := tls.LoadX509KeyPair(os.Args[3], os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	listener, err := tls.Listen("tcp", os.Args[1],
		&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		log.Fatal(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go carry(client.(*tls.Conn), os.Args[2])
	}
}

func carry(client *tls.Conn, backend string) {
	defer client.Close()
	if client.Handshake() != nil {
		return
	}
	conn, err := net.Dial("tcp", backend)
	if err != nil {
		log.Print(err)
		return
	}
	defer conn.Close()
	server := conn.(*net.TCPConn)
	var both sync.WaitGroup
	both.Go(func() { io.Copy(server, client); server.CloseWrite() })
	both.Go(func() { io.Copy(client, server); client.CloseWrite() })
	both.Wait()
}
