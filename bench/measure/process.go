//go:build linux

// Package measure reads from /proc what processes cost: processor time, memory,
// and who started whom. It looks and never changes anything.
package measure

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc: USER_HZ, 100 on every
// architecture that Go runs on.
const tick = 10 * time.Millisecond

// Process is one process at one moment.
type Process struct {
	PID, Parent int
	Exe         string        // empty for a kernel thread or another user's process
	CPU         time.Duration // of the process itself, all threads, ended ones too
}

// Tree returns a process and all it has started, the process first.
func Tree(root int) ([]Process, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	var tree []Process
	wanted := map[int]bool{root: true}
	for grew := true; grew; {
		grew = false
		for pid, p := range all {
			if wanted[pid] || wanted[p.Parent] {
				wanted[pid] = true
				tree = append(tree, p)
				delete(all, pid)
				grew = true
			}
		}
	}
	if len(tree) == 0 {
		return nil, fmt.Errorf("process %d has ended", root)
	}
	for i, p := range tree {
		if p.PID == root {
			tree[0], tree[i] = tree[i], tree[0]
		}
	}
	return tree, nil
}

func processes() (map[int]Process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := map[int]Process{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		p, err := parseStat(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		p.Exe, _ = os.Readlink(filepath.Join(filepath.Dir(file), "exe"))
		all[p.PID] = p
	}
	return all, nil
}

// parseStat reads /proc/PID/stat, see proc_pid_stat(5). The name in parentheses
// may hold anything, parentheses and spaces too.
func parseStat(text []byte) (Process, error) {
	var p Process
	open, shut := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 1 || shut < open {
		return p, fmt.Errorf("no name in %q", text)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:open])))
	if err != nil {
		return p, err
	}
	fields := strings.Fields(string(text[shut+1:]))
	const parent, user, system = 1, 11, 12 // from the state on
	if len(fields) <= system {
		return p, fmt.Errorf("only %d fields", len(fields))
	}
	var ticks [2]int64
	for i, field := range []int{user, system} {
		if ticks[i], err = strconv.ParseInt(fields[field], 10, 64); err != nil {
			return p, err
		}
	}
	p.PID = pid
	p.CPU = time.Duration(ticks[0]+ticks[1]) * tick
	p.Parent, err = strconv.Atoi(fields[parent])
	return p, err
}

// Busy returns the processor time that the whole system has used since it
// started, whoever used it.
func Busy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseBusy(text)
}

func parseBusy(text []byte) (time.Duration, error) {
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	// cpu user nice system idle iowait irq softirq steal guest guest_nice;
	// guests are in user and nice already, what was stolen is not ours.
	if len(fields) < 8 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var sum int64
	for _, i := range []int{1, 2, 3, 6, 7} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		sum += n
	}
	return time.Duration(sum) * tick, nil
}

// Memory returns how many bytes of memory a process takes, pages that it shares
// with others divided between them (PSS).
func Memory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	return parsePSS(text)
}

func parsePSS(text []byte) (int64, error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		value, ok := strings.CutPrefix(lines.Text(), "Pss:")
		if !ok {
			continue
		}
		value = strings.TrimSpace(strings.TrimSuffix(value, "kB"))
		n, err := strconv.ParseInt(value, 10, 64)
		return n << 10, err
	}
	return 0, fmt.Errorf("smaps_rollup names no Pss")
}

// Kernel returns how many bytes the kernel takes for itself on behalf of all
// processes: sockets and other objects, stacks of threads, page tables.
func Kernel() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	return parseKernel(text)
}

func parseKernel(text []byte) (int64, error) {
	sum, found := int64(0), 0
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "Slab", "KernelStack", "PageTables":
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value),
				"kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("/proc/meminfo: %w", err)
			}
			sum += n << 10
			found++
		}
	}
	if found != 3 {
		return 0, fmt.Errorf("/proc/meminfo has %d of 3 figures", found)
	}
	return sum, nil
}
