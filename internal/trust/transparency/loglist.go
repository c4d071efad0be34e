// Package transparency decides whether a certificate was published in
// certificate transparency logs (RFC 6962): it reads the list of logs that the
// administrator keeps, decodes signed certificate timestamps and verifies them.
// It does no I/O and asks no log.
package transparency

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// MaxList is the size of the largest log list that is read.
const MaxList = 8 << 20

// minRSABits is the least RSA key of a log (RFC 6962, 2.1.4).
const minRSABits = 2048

// state is what a log list says of a log.
type state uint8

const (
	unfit    state = iota // pending or rejected: its timestamps never count
	active                // qualified, usable or read-only: they count
	retiring              // retired: those from before count
)

type id [sha256.Size]byte

// ctLog is one log.
type ctLog struct {
	name, operator string
	key            crypto.PublicKey
	state          state
	retired        time.Time // when state is retiring
	// from and to bound the ends of the certificates that the log takes; zero
	// for no bound.
	from, to time.Time
}

// List is a log list. Immutable.
type List struct {
	at   time.Time
	logs map[id]*ctLog
}

// The JSON of the lists that Google and Apple publish, version 3. There are
// more fields than we need, and new ones come: unknown ones are ignored.
type jsonList struct {
	At        time.Time      `json:"log_list_timestamp"`
	Operators []jsonOperator `json:"operators"`
}

type jsonOperator struct {
	Name  string    `json:"name"`
	Logs  []jsonLog `json:"logs"`
	Tiled []jsonLog `json:"tiled_logs"`
}

type jsonLog struct {
	Description string               `json:"description"`
	ID          []byte               `json:"log_id"`
	Key         []byte               `json:"key"`
	State       map[string]jsonState `json:"state"`
	Interval    *jsonInterval        `json:"temporal_interval"`
}

type jsonState struct {
	At time.Time `json:"timestamp"`
}

type jsonInterval struct {
	From time.Time `json:"start_inclusive"`
	To   time.Time `json:"end_exclusive"`
}

// Parse reads a log list.
func Parse(data []byte) (*List, error) {
	if len(data) > MaxList {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(data), MaxList)
	}
	var from jsonList
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &from); err != nil {
		return nil, fmt.Errorf("it is not a log list, JSON of version 3: %w", err)
	}
	list := &List{at: from.At, logs: make(map[id]*ctLog)}
	for _, operator := range from.Operators {
		if operator.Name == "" {
			return nil, errors.New("an operator in it has no name")
		}
		for _, entry := range append(operator.Logs, operator.Tiled...) {
			if err := list.add(operator.Name, entry); err != nil {
				return nil, fmt.Errorf("the log %q of %q: %w", clip(entry.Description),
					clip(operator.Name), err)
			}
		}
	}
	if len(list.logs) == 0 {
		return nil, errors.New("it names no log; a list of version 3 has operators with logs")
	}
	return list, nil
}

func (l *List) add(operator string, entry jsonLog) error {
	number := id(sha256.Sum256(entry.Key))
	if !bytes.Equal(entry.ID, number[:]) {
		return errors.New("its log_id is not the hash of its key")
	}
	if l.logs[number] != nil {
		return errors.New("it is listed twice")
	}
	out := &ctLog{name: clip(entry.Description), operator: operator}
	var err error
	if out.state, out.retired, err = stateOf(entry.State); err != nil {
		return err
	}
	if out.key = publicKey(entry.Key); out.key == nil {
		out.state = unfit
	}
	if entry.Interval != nil {
		out.from, out.to = entry.Interval.From, entry.Interval.To
	}
	l.logs[number] = out
	return nil
}

// publicKey parses the key of a log; nil for one that RFC 6962 does not know.
// Such a log is of no use to us, but the others in the list are.
func publicKey(der []byte) crypto.PublicKey {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil
	}
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return k
	case *rsa.PublicKey:
		if k.N.BitLen() >= minRSABits {
			return k
		}
	}
	return nil
}

func stateOf(states map[string]jsonState) (state, time.Time, error) {
	if len(states) > 1 {
		return unfit, time.Time{}, errors.New("it is in several states")
	}
	for name, s := range states {
		switch name {
		case "qualified", "usable", "readonly":
			return active, time.Time{}, nil
		case "retired":
			return retiring, s.At, nil
		}
	}
	// Pending, rejected, or a state of the future: nothing to rely on.
	return unfit, time.Time{}, nil
}

// At is when the list was made.
func (l *List) At() time.Time { return l.at }

// Len is the number of logs.
func (l *List) Len() int { return len(l.logs) }
