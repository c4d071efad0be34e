package sys

import (
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLives: a file exists as long as a descriptor of it does, even one that is
// under way in a message.
func TestLives(t *testing.T) {
	lives, err := OpenLives()
	if err != nil {
		t.Fatal(err)
	}
	defer lives.Close()
	file, err := Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	inode, err := file.SocketInode()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b := Own(pair[0]), Own(pair[1])
	defer a.Close()
	if err := lives.Watch(file); err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendmsg(a.Int(), []byte("x"), unix.UnixRights(file.Int()), nil, 0); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		what string
		do   func() error
		want bool
	}{
		{"open", func() error { return nil }, true},
		{"under way in a message", file.Close, true},
		{"closed with the message", b.Close, false},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if found, err := lives.Inodes(); err != nil || found[inode] != step.want {
			t.Errorf("%s: found is %v, %v; want %v", step.what, found[inode], err, step.want)
		}
	}
}

// TestMute: a TCP socket that was made mute sends nothing, even if it can still
// be connected.
func TestMute(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := Mute(s.Int()); err != nil {
		t.Fatal(err)
	}
	to := &unix.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Connect(s.Int(), to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		t.Fatal(err)
	}
	if n, err := unix.SendmsgN(s.Int(), []byte("plain"), nil, nil,
		unix.MSG_NOSIGNAL); !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.EAGAIN) {
		t.Errorf("sending: %d, %v; want EPIPE, or EAGAIN of what never connects", n, err)
	}
}
