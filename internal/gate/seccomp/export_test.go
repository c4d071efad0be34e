package seccomp

import (
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/shares"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
)

// Acts does what a gate does with a program's rights for a call, and returns
// the error of each.
func Acts(l *notify.Listener, own *target.Own, of notify.Call, file string) map[string]error {
	finder := NewFinder()
	defer finder.handles.Close()
	c := &call{gate: &Gate{cfg: Config{Listener: l, Own: own}, handles: finder.handles,
		turns: shares.New(shares.Default)}, Call: of}
	all := map[string]error{}
	r, err := c.Rights()
	if all["rights"] = err; err == nil {
		r.Close()
	}
	_, _, all["file"] = c.ReadFile(file)
	_, _, all["descriptor"] = c.ReadFile("/dev/fd/0")
	u, err := c.unixAddress([]byte("\x01\x00" + file))
	if all["socket's path"] = err; err == nil {
		u.close()
	}
	u, err = c.unixAddress([]byte("\x01\x00\x00name"))
	if all["abstract socket"] = err; err == nil {
		u.close()
	}
	// What was looked at before the call ended is not used either.
	rights, err := own.Rights(of.Thread)
	if err != nil {
		all["thread"] = err
		return all
	}
	defer rights.Close()
	_, _, all["file later"] = c.gate.handles.ReadFile(of.Thread, rights, file, c.still)
	_, _, all["descriptor later"] = c.gate.handles.ReadFile(of.Thread, rights, "/dev/fd/0", c.still)
	found, err := c.gate.handles.Find(of.Thread, rights, file, c.still)
	if all["path later"] = err; err == nil {
		found.Close()
	}
	return all
}
