package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/harden"
	"github.com/secure-socket-api/ssa/internal/service/monitor"
)

// workerUser is the user that does TLS, where there is one of that name.
const workerUser = "ssa"

// credential is the user that the worker becomes, nil when it stays the same.
func (o *daemonOptions) credential(alarms *slog.Logger) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		if o.user != "" {
			return nil,
				&problem{what: "--user is for a service that root starts", hint: "leave it out: TLS is done as the user that starts the service", status: statusUsage}
		}
		return nil, nil
	}
	name := o.user
	if name == "" {
		name = workerUser
	}
	found, err := user.Lookup(name)
	var unknown user.UnknownUserError
	if errors.As(err, &unknown) && o.user == "" {
		alarms.Warn("there is no user " + workerUser + " on this machine: TLS is done as nobody, whose other processes may interfere; make a system account " + workerUser + ", or name one by --user")
		found, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil,
			&problem{what: "the user that TLS is done as: " + err.Error(), hint: "make a system account for it, or name another one by --user", status: statusUsage}
	}
	c, err := credentialOf(found)
	if err != nil {
		return nil, err
	}
	if c.Uid == 0 {
		return nil, &problem{what: "--user " + o.user + " is root, and TLS is not done as root",
			hint: "name an account that has no rights", status: statusUsage}
	}
	return c, nil
}

// tokenCredential is the user that uses tokens, with the groups that may be what
// gives access to them; nil when that is who starts the service.
func (o *daemonOptions) tokenCredential() (*syscall.Credential, error) {
	switch {
	case o.tokenUser == "":
		return nil, nil
	case os.Geteuid() != 0:
		return nil, &problem{what: "--token-user is for a service that root starts", hint: "leave it out: tokens are used as the user that starts the service", status: statusUsage}
	}
	found, err := user.Lookup(o.tokenUser)
	if err != nil {
		return nil,
			&problem{what: "the user that uses tokens: " + err.Error(), hint: "make a system account for it, or leave --token-user out", status: statusUsage}
	}
	c, err := credentialOf(found)
	if err != nil {
		return nil, err
	}
	groups, err := found.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("reading the groups of user %s: %w", o.tokenUser, err)
	}
	for _, text := range groups {
		gid, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading the groups of user %s: %w", o.tokenUser, err)
		}
		c.Groups = append(c.Groups, uint32(gid))
	}
	return c, nil
}

// credentialOf is a user with the primary group alone.
func credentialOf(found *user.User) (*syscall.Credential, error) {
	uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, fmt.Errorf("reading the account of user %s: %w", found.Username, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// readable returns the paths that a worker may read: what name resolution and
// time zones need. These files are replaced by others while it runs, so it is
// their folders that count; what is secret in them, its user cannot read.
func readable() []string {
	paths := []string{"/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
		"/run/connman", "/usr/share/zoneinfo"}
	for _, name := range []string{"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
		"/etc/localtime"} {
		real, err := filepath.EvalSymlinks(name)
		if err != nil {
			continue
		}
		paths = append(paths, real)
		if folder := filepath.Dir(real); strings.Count(folder, "/") > 1 { // not all of /run
			paths = append(paths, folder)
		}
	}
	return paths
}

// workerCommand is the command line of a worker with the flags that were given.
func workerCommand(given *pflag.FlagSet, credential *syscall.Credential) monitor.Command {
	c := monitor.Command{Args: []string{workerName, "--administrator", strconv.Itoa(os.Geteuid())},
		Env: workerEnvironment(os.Environ()), Credential: credential, Read: readable(), Stderr: os.Stderr}
	given.Visit(func(f *pflag.Flag) { c.Args = append(c.Args, "--"+f.Name+"="+f.Value.String()) })
	return c
}

// workerVariables are what Go's runtime, the clock and the log need.
var workerVariables = []string{"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GORACE",
	"GOTRACEBACK", "LANG", "TZ", "JOURNAL_STREAM"}

// workerEnvironment leaves out the rest of the environment, which may be secret.
func workerEnvironment(all []string) (kept []string) {
	for _, e := range all {
		name, _, _ := strings.Cut(e, "=")
		if slices.Contains(workerVariables, name) || strings.HasPrefix(name, "LC_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// keepDescriptors keeps what whoever started the service has left open from the
// processes that it starts: the worker has no right to it.
func keepDescriptors(alarms *slog.Logger) {
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		alarms.Warn("what was open when the service was started is open in its worker too: " + err.Error())
	}
}

// raiseLimits allows as many descriptors as the administrator lets this process
// have, since a connection takes two, and as much locked memory as root may.
func raiseLimits() error {
	unlimited := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	// the worker says when its memory is not locked
	_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unlimited)
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return err
	}
	r.Cur = r.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &r)
}

// protectMonitor keeps the keys that the monitor reads out of reach of other
// processes, as far as they have less rights than it has.
func protectMonitor(alarms *slog.Logger) {
	if err := harden.NoCoreDumps(); err != nil {
		alarms.Warn("core dumps of the service's monitor have keys in them: " + err.Error())
	}
	if os.Geteuid() != 0 {
		return // the files that it reads are this user's own
	}
	if err := harden.NotDumpable(); err != nil {
		alarms.Warn("the memory of the service's monitor can be read: " + err.Error())
	}
	_ = harden.LockMemory() // the worker says so
}
