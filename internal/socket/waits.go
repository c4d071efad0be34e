package socket

import (
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// What may wait before it returns, so that a gate does not do it where others
// would wait too. A call that gets ErrPending is not meant: it returns at once.

// NewWaits reports whether New may wait: for an engine elsewhere.
func (t *Table) NewWaits() bool { return !t.cfg.Engine.Ready() }

// ConnectWaits reports whether Connect may wait: for an engine elsewhere.
func (t *Table) ConnectWaits() bool { return !t.cfg.Engine.Ready() || t.asksProfiles() }

// ListenWaits reports whether Listen may wait: an engine elsewhere judges it.
func (t *Table) ListenWaits() bool { return t.engineElsewhere() }

// SetWaits reports whether SetTLSOption or SetOption may wait: for a file, for
// an engine elsewhere, or for bytes that an abortive close would drop.
func (t *Table) SetWaits(level, name int) bool {
	switch level {
	case abi.ProtocolTLS:
		info, _ := abi.LookupOption(abi.Option(name))
		return info.Kind == abi.PEMOrPath || t.asksProfiles()
	case unix.SOL_SOCKET:
		return name == unix.SO_LINGER
	}
	return false
}

// GetWaits reports whether TLSOption or Option may wait: for an engine elsewhere.
func (t *Table) GetWaits(level int) bool {
	return level == abi.ProtocolTLS && t.asksProfiles()
}

// ShutdownWaits reports whether Shutdown may wait: for room for a last byte.
func (*Table) ShutdownWaits() bool { return true }

// engineElsewhere reports whether the engine is in another process.
func (t *Table) engineElsewhere() bool { return t.cfg.NamePrograms }

// asksProfiles reports whether what a program may do has to be asked of an
// engine in another process.
func (t *Table) asksProfiles() bool {
	return t.cfg.Profile != nil && len(t.rules.Load().Profiles()) > 0
}
