package ticketstore

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
)

// A record is what a store has of an epoch:
//
//	version  1 byte, 1
//	epoch    8 bytes, big endian
//	random  32 bytes, made by the machine that came first
//	tag     32 bytes, HMAC-SHA256 of all before, with a key of the secret
//
// The seed is derived from the secret and the random together: the store alone
// is of no use to whoever reads it, and once the record is gone, neither is the
// secret.
const (
	recordVersion = 1
	randomSize    = 32
	bodySize      = 1 + 8 + randomSize
	recordSize    = bodySize + sha256.Size
)

// sealer makes and reads records with the secret of the machines.
type sealer struct {
	secret []byte
	tagKey []byte
	// group is part of the names in the store. Machines with another secret use
	// other names, so that a secret can be replaced one machine at a time.
	group string
}

func newSealer(secret []byte) *sealer {
	return &sealer{secret: secret, tagKey: derive(secret, nil, "ssa/ticket-store/tag"),
		group: hex.EncodeToString(derive(secret, nil, "ssa/ticket-store/group")[:8])}
}

// name is where the record of an epoch is in the store.
func (s *sealer) name(epoch int64) string {
	return "ssa:tickets:" + s.group + ":" + strconv.FormatInt(epoch, 10)
}

// make makes a record of an epoch.
func (s *sealer) make(epoch int64) []byte {
	record := binary.BigEndian.AppendUint64([]byte{recordVersion}, uint64(epoch))
	random := make([]byte, randomSize)
	// crypto/rand.Read never fails: it ends the process instead.
	_, _ = rand.Read(random)
	record = append(record, random...)
	return append(record, s.tag(record)...)
}

func (s *sealer) tag(body []byte) []byte {
	mac := hmac.New(sha256.New, s.tagKey)
	mac.Write(body)
	return mac.Sum(nil)
}

var errForeign = errors.New("it holds something that was not made with our key_file")

// open returns the seed of a record, which must be one of that epoch.
func (s *sealer) open(epoch int64, record []byte) (seed [32]byte, err error) {
	if len(record) != recordSize || record[0] != recordVersion ||
		binary.BigEndian.Uint64(record[1:]) != uint64(epoch) ||
		!hmac.Equal(record[bodySize:], s.tag(record[:bodySize])) {
		return seed, errForeign
	}
	return [32]byte(derive(s.secret, record[:bodySize], "ssa/ticket-seed/1")), nil
}

// derive returns 32 bytes derived from a secret.
func derive(secret, salt []byte, info string) []byte {
	key, err := hkdf.Key(sha256.New, secret, salt, info, 32)
	if err != nil {
		panic("ssa bug: 32 bytes are too many to derive: " + err.Error())
	}
	return key
}
