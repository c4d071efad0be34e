package target

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/program"
)

// Holder returns a process other than a thread's that has a descriptor of a
// socket, 0 when none is seen: among those that this process has started, and
// theirs, and with above among its own ancestors. It sees neither what is under way in a
// message nor what the kernel does not let it look at.
func Holder(thread int, inode uint64, above bool) int {
	self := os.Getpid()
	for pid := range family(self) {
		if has(pid, thread, inode) {
			return pid
		}
	}
	for pid, n := self, 0; above && n < maxAncestors; n++ {
		status, err := program.ReadStatus(pid)
		if err != nil || status.Parent == 0 {
			break
		}
		if pid = status.Parent; has(pid, thread, inode) {
			return pid
		}
	}
	return 0
}

// maxAncestors bounds the walk from a process to its ancestors.
const maxAncestors = 64

// has reports whether a process has the socket in a table of descriptors that
// is not the thread's own: threads may have one of their own, too.
func has(pid, thread int, inode uint64) bool {
	tasks := list("/proc/" + strconv.Itoa(pid) + "/task")
	if !sharesDescriptors(pid, thread) && len(Descriptors(pid, inode)) > 0 {
		return true
	}
	for _, task := range tasks {
		if task == pid || task == thread || sharesDescriptors(task, pid) ||
			sharesDescriptors(task, thread) {
			continue
		}
		if len(Descriptors(task, inode)) > 0 {
			return true
		}
	}
	return false
}

// sharesDescriptors reports whether two threads have one table of descriptors,
// kcmp(2). Where that cannot be asked, threads of one process do.
func sharesDescriptors(a, b int) bool {
	if a == b {
		return true
	}
	const files = 2 // KCMP_FILES
	order, _, errno := unix.RawSyscall6(unix.SYS_KCMP, uintptr(a), uintptr(b), files, 0, 0, 0)
	if errno == 0 {
		return order == 0
	}
	x, err := program.ReadStatus(a)
	if err != nil {
		return false
	}
	y, err := program.ReadStatus(b)
	return err == nil && x.Process == y.Process
}

// family yields the descendants of a process.
func family(pid int) map[int]bool {
	all := map[int]bool{}
	open := []int{pid}
	for len(open) > 0 {
		parent := open[len(open)-1]
		open = open[:len(open)-1]
		for _, child := range children(parent) {
			if !all[child] {
				all[child] = true
				open = append(open, child)
			}
		}
	}
	return all
}

// children lists the processes that a process's threads have started. A kernel
// without CONFIG_PROC_CHILDREN does not tell: then all processes count.
func children(pid int) (all []int) {
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	for _, task := range list(dir) {
		text, err := os.ReadFile(dir + "/" + strconv.Itoa(task) + "/children")
		if os.IsNotExist(err) && pid == os.Getpid() {
			return list("/proc")
		}
		for _, field := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(field); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// list returns the numbers that name entries of a folder.
func list(dir string) (numbers []int) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
