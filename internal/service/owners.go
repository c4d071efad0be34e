package service

import (
	"bufio"
	"io/fs"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/sys/regular"
)

// owners says which person a user belongs to: one may have many subordinate
// users (subuid(5)), and all of them count as that person. Subordinate users
// that a directory elsewhere knows of count for themselves: see counts.
type owners struct {
	files fs.FS
	now   func() time.Time

	mu     sync.Mutex
	looked time.Time
	stamp  string // of the file that ranges are of
	ranges []subordinates
}

// subordinates are users that belong to another one.
type subordinates struct{ first, last, owner uint32 }

// lookAgain is how long it holds that the file is as it was.
const lookAgain = 5 * time.Second

// maxSubordinates bounds what is read.
const maxSubordinates = 1 << 20

func newOwners() *owners { return &owners{files: regular.FS("/"), now: time.Now} }

// of is who a user belongs to, most often himself.
func (o *owners) of(uid uint32) uint32 {
	if uid == 0 {
		return 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := o.now(); o.looked.IsZero() || now.Sub(o.looked) >= lookAgain {
		o.looked = now
		o.readLocked()
	}
	i := sort.Search(len(o.ranges), func(i int) bool { return o.ranges[i].last >= uid })
	if i < len(o.ranges) && o.ranges[i].first <= uid {
		return o.ranges[i].owner
	}
	return uid
}

// readLocked reads the file if it has changed. One that cannot be read says
// nothing of anybody.
func (o *owners) readLocked() {
	stamp := ""
	if info, err := fs.Stat(o.files, "etc/subuid"); err == nil && info.Mode().IsRegular() &&
		info.Size() <= maxSubordinates {
		stamp = info.ModTime().String() + " " + strconv.FormatInt(info.Size(), 10)
	}
	if stamp == o.stamp {
		return
	}
	o.stamp, o.ranges = stamp, nil
	if stamp == "" {
		return
	}
	numbers := o.users()
	o.each("etc/subuid", func(f []string) {
		first, err := strconv.ParseUint(f[1], 10, 32)
		count, countErr := strconv.ParseUint(f[2], 10, 32)
		owner, known := numbers[f[0]]
		if n, err := strconv.ParseUint(f[0], 10, 32); err == nil && !known {
			owner, known = uint32(n), true
		}
		if err != nil || countErr != nil || !known || first == 0 || count == 0 || first+count > 1<<32 {
			return
		}
		o.ranges = append(o.ranges, subordinates{uint32(first), uint32(first + count - 1), owner})
	})
	sort.SliceStable(o.ranges, func(i, j int) bool { return o.ranges[i].last < o.ranges[j].last })
}

// users are the numbers of the users of passwd(5), by name.
func (o *owners) users() map[string]uint32 {
	numbers := map[string]uint32{}
	o.each("etc/passwd", func(f []string) {
		if n, err := strconv.ParseUint(f[2], 10, 32); err == nil {
			numbers[f[0]] = uint32(n)
		}
	})
	return numbers
}

// each calls f with the fields of the lines of a file that have three or more.
func (o *owners) each(name string, f func(fields []string)) {
	file, err := o.files.Open(name)
	if err != nil {
		return
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if fields := strings.Split(strings.TrimSpace(lines.Text()), ":"); len(fields) >= 3 &&
			!strings.HasPrefix(fields[0], "#") {
			f(fields)
		}
	}
}
