//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// lab is a folder with everything a run needs, and what has been started.
type lab struct {
	dir     string
	quick   bool
	engines []engine
	servers []*server
}

// engine is one way to put a program under ssa.
type engine struct {
	name, ssa string
	mode      string // embedded, service, or empty for an ssa that knows one way only
}

func newLab(ctx context.Context, o *options) (_ *lab, err error) {
	dir, err := os.MkdirTemp("", "ssa-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, quick: o.quick}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	// Peers drop their rights before they read what is in here.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	if err := l.build(ctx, o.ssa); err != nil {
		return nil, err
	}
	if err := l.writeFiles(); err != nil {
		return nil, err
	}
	return l, l.chooseEngines(ctx, o)
}

func (l *lab) close() error {
	return errors.Join(l.stopServers(), os.RemoveAll(l.dir))
}

// path names a file of the lab.
func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// chooseEngines finds out what the ssa commands can do.
func (l *lab) chooseEngines(ctx context.Context, o *options) error {
	help, err := exec.CommandContext(ctx, l.path("ssa"), "run", "--help").CombinedOutput()
	if err != nil {
		return fmt.Errorf("ssa run --help: %w", err)
	}
	if o.before != "" {
		before, err := filepath.EvalSymlinks(o.before) // as /proc/PID/exe names it
		if err != nil {
			return err
		}
		if before, err = filepath.Abs(before); err != nil {
			return err
		}
		e := engine{name: "ssa before", ssa: before}
		if text, err := exec.CommandContext(ctx, before, "run", "--help").CombinedOutput(); err != nil {
			return fmt.Errorf("%s run --help: %w", before, err)
		} else if strings.Contains(string(text), "--engine") {
			e.mode = "embedded"
		}
		l.engines = append(l.engines, e)
	}
	several := strings.Contains(string(help), "--engine")
	switch {
	case o.mode != "embedded" && o.mode != "service" && o.mode != "both":
		return fmt.Errorf("-ssa-mode is %q, not embedded, service or both", o.mode)
	case o.mode == "service" && !several:
		return errors.New("this ssa has no service")
	case !several:
		l.engines = append(l.engines, engine{name: "ssa", ssa: l.path("ssa")})
		return nil
	}
	if o.mode != "service" {
		l.engines = append(l.engines, engine{name: "ssa", ssa: l.path("ssa"), mode: "embedded"})
	}
	if o.mode != "embedded" {
		l.engines = append(l.engines, engine{name: "ssa service", ssa: l.path("ssa"), mode: "service"})
	}
	return nil
}

// build compiles the C programs in their three makes, the tunnel, and ssa.
func (l *lab) build(ctx context.Context, ssa string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	sources := filepath.Join(root, "bench", "programs")
	cc := func(out string, flags []string, files ...string) error {
		args := append([]string{"-std=gnu11", "-O2", "-pthread", "-I", filepath.Join(root, "include"),
			"-o", l.path(out)}, flags...)
		args = append(args, "-x", "c")
		for _, f := range files {
			args = append(args, filepath.Join(sources, f+".c"))
		}
		args = append(args, "-x", "none")
		if strings.HasSuffix(out, "openssl") || out == "load" {
			args = append(args, "-lssl", "-lcrypto")
		}
		return command(exec.CommandContext(ctx, "cc", args...))
	}
	plain, tls := []string{}, []string{"-DLINK_PROTOCOL=IPPROTO_TLS"}
	for _, program := range []string{"server", "fetch"} {
		err = errors.Join(err,
			cc(program+"-plain", plain, program, "link_tcp", "link_socket"),
			cc(program+"-ssa", tls, program, "link_tcp", "link_socket"),
			cc(program+"-openssl", plain, program, "link_tcp", "link_openssl"))
	}
	err = errors.Join(err,
		cc("load", plain, "load", "link_tcp", "link_openssl"),
		cc("load-plain", plain, "load", "link_tcp", "link_socket"),
		cc("calls", plain, "calls", "link_tcp", "link_socket"),
		cc("repeat", plain, "repeat"),
		goBuild(ctx, root, l.path("tunnel"), "./bench/tunnel"))
	if err != nil || ssa == "" {
		return errors.Join(err, goBuild(ctx, root, l.path("ssa"), "./cmd/ssa"))
	}
	if ssa, err = filepath.Abs(ssa); err != nil {
		return err
	}
	return copyProgram(ssa, l.path("ssa"))
}

func copyProgram(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

func goBuild(ctx context.Context, root, out, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", out, pkg)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return command(cmd)
}

// command runs a command whose output matters only when it fails.
func command(cmd *exec.Cmd) error {
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	return nil
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("run bench inside the module's folder")
		}
	}
}

// tiny returns the count to use: the first, or the second for a quick run.
func (l *lab) tiny(count, quick int) string {
	if l.quick {
		count = quick
	}
	return strconv.Itoa(count)
}

func cores() string { return strconv.Itoa(runtime.NumCPU()) }
