package socket

import (
	"net/netip"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// mayTalkTo judges a peer by the policy.
func mayTalkTo(e *policy.Effective, name string, peer netip.AddrPort) error {
	if err := e.MayTalkTo(name, peer); err != nil {
		return &failure{abi.EPERM, err.Error(), err}
	}
	return nil
}
