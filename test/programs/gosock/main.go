//go:build linux

// Command gosock is a test program in pure Go. It makes its system calls
// itself, so that a TLS socket can be asked for, and then hands the socket to
// Go's own network poller where it says so: an edge-triggered epoll that
// registers the socket before anything has happened, with the runtime's own
// signals in between.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	protocolTLS      = 205
	remoteHostname   = 85
	certificateChain = 88
	privateKey       = 89
)

var settings = map[string]string{}

func number(name string) int {
	n, err := strconv.Atoi(settings[name])
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	return n
}

func main() {
	log.SetFlags(0)
	for _, arg := range os.Args[2:] {
		key, value, _ := strings.Cut(arg, "=")
		settings[key] = value
	}
	scenarios := map[string]func() error{
		"client": client, "poller-client": pollerClient, "poller-many": pollerMany,
		"poller-server": pollerServer, "refused": refused,
	}
	run, ok := scenarios[os.Args[1]]
	if !ok {
		log.Fatalf("no scenario %s", os.Args[1])
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func family() int {
	if settings["family"] == "6" {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

func address(port int) unix.Sockaddr {
	if settings["family"] == "6" {
		return &unix.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}}
	}
	return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
}

func newSocket(flags int) (int, error) {
	fd, err := unix.Socket(family(), unix.SOCK_STREAM|flags, number("proto"))
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if number("proto") == protocolTLS {
		err = unix.SetsockoptString(fd, protocolTLS, remoteHostname, settings["name"])
	}
	return fd, err
}

// connect is a blocking connect by raw calls. Go's runtime interrupts it with
// signals of its own, all with SA_RESTART.
func connect(fd, port int) error {
	for {
		err := unix.Connect(fd, address(port))
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func client() error {
	fd, err := newSocket(0)
	if err != nil {
		return err
	}
	fmt.Println("connect", connect(fd, number("port")))
	if _, err := unix.Write(fd, []byte("from Go")); err != nil {
		return err
	}
	data := make([]byte, 7)
	n, _, err := unix.Recvfrom(fd, data, unix.MSG_WAITALL)
	fmt.Printf("read %d %q %v\n", n, data, err)
	fmt.Println("shutdown", unix.Shutdown(fd, unix.SHUT_WR))
	n, err = unix.Read(fd, data)
	fmt.Println("end", n, err)
	return unix.Close(fd)
}

func refused() error {
	fd, err := newSocket(0)
	fmt.Println("connect", connect(fd, number("other")))
	return err
}

// pollerConn connects without blocking and gives the socket to the poller.
func pollerConn() (*os.File, error) {
	fd, err := newSocket(unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, address(number("port"))); err != nil &&
		!errors.Is(err, unix.EINPROGRESS) {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "socket")
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var outcome int
	err = raw.Write(func(fd uintptr) bool {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if n, _ := unix.Poll(p, 0); n == 0 {
			return false
		}
		outcome, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		return true
	})
	if outcome != 0 {
		return nil, syscall.Errno(outcome)
	}
	return f, err
}

func pollerClient() error {
	f, err := pollerConn()
	if err != nil {
		return err
	}
	defer f.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := f.Write(bytes.Repeat([]byte("0123456789"), number("bytes")/10))
		if err == nil {
			var raw syscall.RawConn
			if raw, err = f.SyscallConn(); err == nil {
				err = raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) })
			}
		}
		sent <- err
	}()
	n, err := io.Copy(io.Discard, f)
	fmt.Println("read", n, err)
	fmt.Println("wrote", <-sent)
	return nil
}

// pollerMany makes connections from many goroutines at once.
func pollerMany() error {
	results := make(chan error)
	for range number("bytes") {
		go func() {
			f, err := pollerConn()
			if err == nil {
				_, err = f.Write([]byte("x"))
			}
			if err == nil {
				_, err = io.ReadFull(f, make([]byte, 1))
				f.Close()
			}
			results <- err
		}()
	}
	for range number("bytes") {
		if err := <-results; err != nil {
			return err
		}
	}
	fmt.Println("all done")
	return nil
}

// pollerServer lets the net package accept on a socket made by hand.
func pollerServer() error {
	fd, err := unix.Socket(family(), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC,
		number("proto"))
	if err != nil {
		return err
	}
	if number("proto") == protocolTLS {
		if err := errors.Join(unix.SetsockoptString(fd, protocolTLS, certificateChain, settings["chain"]),
			unix.SetsockoptString(fd, protocolTLS, privateKey, settings["key"])); err != nil {
			return err
		}
	}
	if err := errors.Join(unix.Bind(fd, address(0)), unix.Listen(fd, 16)); err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "listener")
	l, err := net.FileListener(f)
	if err != nil {
		return err
	}
	f.Close()
	fmt.Println("@port", l.Addr().(*net.TCPAddr).Port)
	served := make(chan error)
	for range number("bytes") {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		if !c.RemoteAddr().(*net.TCPAddr).IP.IsLoopback() {
			return fmt.Errorf("the peer is said to be at %v", c.RemoteAddr())
		}
		go func() {
			_, err := io.Copy(c, c)
			served <- errors.Join(err, c.Close())
		}()
	}
	for range number("bytes") {
		if err := <-served; err != nil {
			return err
		}
	}
	fmt.Println("served all")
	return l.Close()
}
