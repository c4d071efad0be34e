package monitor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/program"
)

// kind says what a message is about.
type kind uint8

const (
	// From the worker.
	kindLook    kind = iota + 1 // who is this? With a pidfd
	kindReady                   // callers are served
	kindLeaving                 // another service has the listening socket now
	kindVerdict                 // whether a policy was taken over
	// From the monitor.
	kindAnswer // who that is
	kindPolicy // a bundle, in a descriptor
	kindFile   // a named descriptor
	kindKept   // why the policy in force is not the one that is in the files
	kinds
)

// descriptors says which messages come with one.
func (k kind) descriptor() bool { return k == kindLook || k == kindPolicy || k == kindFile }

// maxMessage bounds a message in bytes: an answer has three paths of at most
// 4 KiB and the groups of a process.
const maxMessage = 160 << 10

// maxGroups is how many groups of a process are passed on. The kernel allows
// 65536.
const maxGroups = 8192

// message is any of them. Texts that come from files or programs need not be
// UTF-8, so they are bytes.
type message struct {
	Kind    kind            `json:"-"`
	ID      uint64          `json:"id,omitempty"`
	Text    []byte          `json:"text,omitempty"` // an error, or a name
	Size    int64           `json:"size,omitempty"` // of a bundle
	Process *processMessage `json:"process,omitempty"`
}

// processMessage is a program.Process as a message carries it.
type processMessage struct {
	Exe    []byte    `json:"exe"`
	Script []byte    `json:"script,omitempty"`
	Cgroup []byte    `json:"cgroup,omitempty"`
	UID    uint32    `json:"uid"`
	GID    uint32    `json:"gid"`
	Groups []uint32  `json:"groups,omitempty"`
	PID    int       `json:"pid"`
	UIDs   [4]uint32 `json:"uids"`
	GIDs   [4]uint32 `json:"gids"`
	File   string    `json:"file,omitempty"`
	Nested bool      `json:"nested,omitempty"`
	Owner  uint32    `json:"owner,omitempty"`
}

func toWire(p *program.Process) (*processMessage, error) {
	if len(p.Groups) > maxGroups {
		return nil, fmt.Errorf("process %d is in %d groups, and at most %d are supported", p.PID, len(p.Groups), maxGroups)
	}
	return &processMessage{Exe: []byte(p.Exe), Script: []byte(p.Script), Cgroup: []byte(p.Cgroup),
		UID: p.UID, GID: p.GID,
		Groups: p.Groups, PID: p.PID, UIDs: p.UIDs, GIDs: p.GIDs, File: string(p.File), Nested: p.Nested,
		Owner: p.Owner}, nil
}

func (p *processMessage) fromWire() program.Process {
	return program.Process{PID: p.PID, UIDs: p.UIDs, GIDs: p.GIDs, File: program.FileID(p.File),
		Nested: p.Nested, Owner: p.Owner,
		Program: subject.Program{Exe: string(p.Exe), Script: string(p.Script),
			Cgroup: string(p.Cgroup), UID: p.UID, GID: p.GID, Groups: p.Groups}}
}

func (m *message) encode() ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(body)+1 > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes is too large", len(body)+1)
	}
	return append([]byte{byte(m.Kind)}, body...), nil
}

func decode(data []byte) (*message, error) {
	if len(data) == 0 || data[0] == 0 || kind(data[0]) >= kinds {
		return nil, errors.New("there is no such message")
	}
	m := &message{}
	in := json.NewDecoder(bytes.NewReader(data[1:]))
	in.DisallowUnknownFields()
	if err := in.Decode(m); err != nil {
		return nil, fmt.Errorf("message %d: %w", data[0], err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("message %d: something follows it", data[0])
	}
	m.Kind = kind(data[0])
	if (m.Kind == kindAnswer) != (m.Process != nil || m.Kind == kindAnswer && m.Text != nil) {
		return nil, fmt.Errorf("message %d is incomplete", data[0])
	}
	return m, nil
}
