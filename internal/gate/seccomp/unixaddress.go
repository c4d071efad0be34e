package seccomp

import (
	"bytes"
	"strconv"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// unixAddress is an address of AF_UNIX that means to the gate what it means to
// the program.
type unixAddress struct {
	bytes []byte
	file  *sys.FD // that it names, if it is a path
}

func (u *unixAddress) close() { u.file.Close() }

// unixAddress finds the socket that a path names for the program. Only a
// program with the gate's own credentials may have the gate connect to one:
// those are what the peer sees.
func (c *call) unixAddress(addr []byte) (*unixAddress, error) {
	if len(addr) < 2 {
		return nil, abi.EINVAL
	}
	turn, err := c.enter()
	if err != nil {
		return nil, err
	}
	defer turn.Leave()
	if same, err := c.gate.cfg.Own.Same(c.Call.Thread); err != nil || !same {
		return nil, abi.EACCES
	}
	if err := c.still(); err != nil { // it was that thread's credentials, then
		return nil, err
	}
	if len(addr) == 2 || addr[2] == 0 { // abstract, or what the kernel refuses
		return &unixAddress{bytes: addr}, nil
	}
	path, _, _ := bytes.Cut(addr[2:], []byte{0})
	rights, err := c.rights()
	if err != nil {
		return nil, err
	}
	defer rights.Close()
	file, err := c.gate.handles.Find(c.Call.Thread, rights, string(path), c.still)
	if err != nil {
		return nil, err
	}
	name := append(addr[:2:2], "/proc/self/fd/"+strconv.Itoa(file.Int())+"\x00"...)
	return &unixAddress{bytes: name, file: file}, nil
}
