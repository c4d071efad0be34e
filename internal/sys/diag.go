package sys

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Diag asks the kernel about AF_UNIX sockets by inode, sock_diag(7). It sees
// the sockets of the network namespace it was opened in. Safe for concurrent
// use.
type Diag struct {
	fd    *FD         // nil when the kernel has no sock_diag
	works atomic.Bool // unix_diag has answered

	mu  sync.Mutex
	seq uint32 // guarded by mu, as is the order of questions and answers
}

const (
	diagShowPeer = 4 // UDIAG_SHOW_PEER, linux/unix_diag.h
	diagPeer     = 2 // UNIX_DIAG_PEER
	noCookie     = 0xffffffff
)

// OpenDiag opens the interface. Without unix_diag in the kernel, Exists reads
// /proc/net/unix and Peer fails. Which of both it is shows at the first
// question: one costs time in proportion to the sockets there are, and most
// programs never make it necessary.
func OpenDiag() (*Diag, error) {
	n, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return &Diag{}, nil
	}
	return &Diag{fd: Own(n)}, nil
}

// Close closes the interface.
func (d *Diag) Close() error { return d.fd.Close() }

// Exists reports whether an AF_UNIX socket with this inode is open anywhere.
func (d *Diag) Exists(inode uint64) (bool, error) {
	if d.fd == nil {
		return listedInProc(inode)
	}
	_, err := d.query(inode)
	switch {
	case err == nil:
		d.works.Store(true)
		return true, nil
	case !errors.Is(err, unix.ENOENT):
		return false, err
	case d.works.Load():
		return false, nil
	}
	return d.existsElse(inode)
}

// existsElse tells a socket that is not there from a kernel without unix_diag,
// which answers alike: by a socket that is there.
func (d *Diag) existsElse(inode uint64) (bool, error) {
	known, err := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return false, fmt.Errorf("probing sock_diag: %w", err)
	}
	defer known.Close()
	at, err := known.SocketInode()
	if err != nil {
		return false, err
	}
	if _, err := d.query(at); err != nil {
		return listedInProc(inode)
	}
	d.works.Store(true)
	return false, nil
}

// Peer returns the inode of the socket that the one with this inode is
// connected to, 0 when there is none or when it has not been accepted yet.
func (d *Diag) Peer(inode uint64) (uint64, error) {
	if d.fd == nil {
		return 0, errors.New("this kernel has no sock_diag")
	}
	attrs, err := d.query(inode)
	if err != nil {
		return 0, fmt.Errorf("asking sock_diag for a socket's peer: %w", err)
	}
	for len(attrs) >= 4 {
		size := int(binary.NativeEndian.Uint16(attrs))
		if size < 4 || size > len(attrs) {
			break
		}
		if binary.NativeEndian.Uint16(attrs[2:]) == diagPeer && size >= 8 {
			return uint64(binary.NativeEndian.Uint32(attrs[4:])), nil
		}
		attrs = attrs[min((size+3)&^3, len(attrs)):]
	}
	return 0, nil
}

// query sends struct unix_diag_req and returns the attributes of the answer.
func (d *Diag) query(inode uint64) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seq++
	req := make([]byte, 0, 40)
	le := binary.NativeEndian
	req = le.AppendUint32(req, 40)
	req = le.AppendUint16(req, unix.SOCK_DIAG_BY_FAMILY)
	req = le.AppendUint16(req, unix.NLM_F_REQUEST)
	req = le.AppendUint32(req, d.seq)
	req = le.AppendUint32(req, 0)
	req = append(req, unix.AF_UNIX, 0, 0, 0)
	req = le.AppendUint32(req, noCookie)
	req = le.AppendUint32(req, uint32(inode))
	req = le.AppendUint32(req, diagShowPeer)
	req = le.AppendUint32(req, noCookie)
	req = le.AppendUint32(req, noCookie)
	if err := unix.Sendto(d.fd.Int(), req, 0,
		&unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	buf := make([]byte, 4096)
	for {
		n, _, err := unix.Recvfrom(d.fd.Int(), buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n < 20 || le.Uint32(buf[8:]) != d.seq {
			continue
		}
		if le.Uint16(buf[4:]) == unix.NLMSG_ERROR {
			return nil, unix.Errno(-int32(le.Uint32(buf[16:])))
		}
		if n < 32 { // nlmsghdr and struct unix_diag_msg
			return nil, unix.EPROTO
		}
		return append([]byte(nil), buf[32:n]...), nil
	}
}

func listedInProc(inode uint64) (bool, error) {
	open, err := UnixInodes()
	return open[inode], err
}

// UnixInodes returns the inodes of all AF_UNIX sockets of our network
// namespace that are open, from /proc/net/unix.
func UnixInodes() (map[uint64]bool, error) {
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, fmt.Errorf("listing sockets: %w", err)
	}
	open := map[uint64]bool{}
	for line := range bytes.Lines(table) {
		if fields := bytes.Fields(line); len(fields) > 6 {
			if inode, err := strconv.ParseUint(string(fields[6]), 10, 64); err == nil {
				open[inode] = true
			}
		}
	}
	return open, nil
}
