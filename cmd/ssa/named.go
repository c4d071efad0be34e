package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/audit"
	"github.com/secure-socket-api/ssa/internal/service/metrics"
	"github.com/secure-socket-api/ssa/internal/service/monitor"
)

// Names of descriptors that a monitor hands to its worker, which may neither
// open files for writing nor listen.
const (
	auditName   = "audit"
	metricsName = "metrics"
	earlierName = "earlier"
)

// named opens what the options ask for, and says how workers get it.
func (o *daemonOptions) named() (all []monitor.Named, closeAll func(), err error) {
	closeAll = func() {}
	if o.earlier != nil {
		all = append(all, monitor.Named{Name: earlierName, Lasting: true, Open: func() (*os.File, error) {
			fd, err := o.earlier.Dup()
			if err != nil {
				return nil, err
			}
			return os.NewFile(uintptr(fd.Disown()), earlierName), nil
		}})
	}
	if o.audit != "" {
		file, err := audit.Open(o.audit)
		if err != nil {
			return nil, nil, &problem{what: err.Error(), hint: "--audit names a file that root alone may write; under systemd one below /var/log/ssa", status: statusUsage}
		}
		file.Close()
		all = append(all,
			monitor.Named{Name: auditName, Open: func() (*os.File, error) { return audit.Open(o.audit) }})
	}
	if o.metrics != "" {
		listener, err := metrics.Listen(o.metrics)
		if err != nil {
			return nil, nil, &problem{what: err.Error(), hint: "--metrics unix:/run/ssa/metrics.sock or 127.0.0.1:9205", status: statusUsage}
		}
		closeAll = func() { listener.Close() }
		all = append(all, monitor.Named{Name: metricsName, Lasting: true, Open: func() (*os.File, error) {
			fd, err := unix.FcntlInt(listener.Fd(), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				return nil, fmt.Errorf("duplicating what metrics are served on: %w", err)
			}
			return os.NewFile(uintptr(fd), metricsName), nil
		}})
	}
	return all, closeAll, nil
}
