package session

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
)

// nameTag begins our entry among the extra data of a session.
var nameTag = []byte("ssa/server-name/1:")

// BindName makes a server's tickets resume only under the name that they were
// given for, as RFC 6066, section 3, demands: a client that resumes is not
// shown a certificate again, so it must be the one for the same name. The
// configuration must be the one that connections use, not a copy.
func BindName(cfg *tls.Config) {
	cfg.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		ss.Extra = append(ss.Extra, nameEntry(cs.ServerName))
		return cfg.EncryptTicket(cs, ss)
	}
	cfg.UnwrapSession = func(identity []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := cfg.DecryptTicket(identity, cs)
		if err != nil || ss == nil || !boundTo(ss, cs.ServerName) {
			// No session and no error is a full handshake.
			return nil, err
		}
		return ss, nil
	}
}

func nameEntry(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return append(bytes.Clone(nameTag), sum[:]...)
}

// boundTo says whether a session has our entry for that name. A session that
// was resumed carries the entry of the one before as well; all must agree.
func boundTo(ss *tls.SessionState, name string) bool {
	want, found := nameEntry(name), false
	for _, extra := range ss.Extra {
		if bytes.Equal(extra, want) {
			found = true
		} else if bytes.HasPrefix(extra, nameTag) {
			return false
		}
	}
	return found
}
