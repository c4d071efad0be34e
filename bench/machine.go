//go:build linux

package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/bench/report"
)

// machine describes where this runs. What cannot be found out stays empty.
func (l *lab) machine(ctx context.Context) report.Machine {
	m := report.Machine{Cores: runtime.NumCPU(), Versions: map[string]string{"go": runtime.Version()}}
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		lines := bufio.NewScanner(f)
		for m.CPU == "" && lines.Scan() {
			if key, value, ok := strings.Cut(lines.Text(), ":"); ok &&
				strings.TrimSpace(key) == "model name" {
				m.CPU = strings.TrimSpace(value)
			}
		}
		f.Close()
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.Memory = int64(info.Totalram) * int64(info.Unit)
	}
	for tool, args := range map[string][]string{
		"nginx": {"-v"}, "openssl": {"version"}, "stunnel": {"-version"}, "hitch": {"--version"}, "haproxy": {"-v"}, "cc": {"--version"},
	} {
		if path, err := lookTool(tool); err == nil {
			text, _ := exec.CommandContext(ctx, path, args...).CombinedOutput()
			m.Versions[tool] = versionLine(string(text))
		}
	}
	return m
}

// versionLine picks the line that has a number in it: stunnel begins with talk.
func versionLine(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if strings.ContainsAny(line, "0123456789") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
