//go:build linux

package ssa

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// fill puts settings into a request for the service, which judges them.
func fill(req *engine.Request, settings []Setting) error {
	var options [][]byte
	var chains []identity.Chain
	for _, s := range settings {
		var err error
		switch s.Option {
		case abi.RemoteHostname:
			req.Name, err = text(s)
		case abi.ALPN:
			var list string
			if list, err = text(s); err == nil {
				req.ALPN, err = policy.ParseALPN(list)
			}
		case abi.TrustedPeerCertificates, abi.CertificateChain, abi.PrivateKey:
			chains, err = certificates(req, s, chains)
		case abi.Hostname, abi.Context:
			err = errors.New("is for programs started with ssa run")
		default:
			var value []byte
			value, err = optionValue(s)
			options = append(options, append(binary.BigEndian.AppendUint32(nil, uint32(s.Option)), value...))
		}
		if err != nil {
			return fmt.Errorf("%v: %w", s.Option, err)
		}
	}
	if len(chains) > 0 {
		return errors.New("a certificate chain was given without its key")
	}
	asked, err := policy.ParseOptions(options)
	req.Asked = asked
	return err
}

func text(s Setting) (string, error) {
	value, ok := s.Value.(string)
	if !ok {
		return "", fmt.Errorf("%w: %T", errMismatch, s.Value)
	}
	return value, nil
}

// optionValue is a value as the service wants it: numbers big endian.
func optionValue(s Setting) ([]byte, error) {
	switch value := s.Value.(type) {
	case string:
		return []byte(value), nil
	case int:
		return binary.BigEndian.AppendUint32(nil, uint32(int32(value))), nil
	}
	return nil, fmt.Errorf("%w: %T", errMismatch, s.Value)
}
