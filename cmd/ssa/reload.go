package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/socket"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// policySource is where the policy is read from: one file, or the machine's
// below root when there is none.
type policySource struct {
	file, root string
	options    policy.Options
}

// from is the same source, read from somewhere else than this machine.
func (s policySource) from(files policy.Source) policySource {
	s.options.Files = files
	return s
}

func (s policySource) load() (*policy.Policy, error) {
	if s.file != "" {
		return s.options.Load(s.file)
	}
	return s.options.LoadSystem(s.root)
}

func (s policySource) files() []string {
	if s.file != "" {
		return []string{s.file}
	}
	// A folder that cannot be read is for load to report.
	files, _ := policy.SystemFiles(s.root)
	return files
}

// folders are those in which a change may be one of the policy: of the files,
// of what symbolic links among them point to, and those not there yet.
func (s policySource) folders() []string {
	var all []string
	if s.file == "" {
		etc := filepath.Join(s.root, "etc")
		all = []string{etc, filepath.Join(etc, "ssa"), filepath.Join(etc, "ssa", "policy.d")}
	}
	for _, file := range s.files() {
		all = append(all, filepath.Dir(file))
		if real, err := filepath.EvalSymlinks(file); err == nil {
			all = append(all, filepath.Dir(real))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// state tells one state of the files from another.
func (s policySource) state() [sha256.Size]byte { return stateOf(s.files()) }

// stateOf tells one state of some files from another.
func stateOf(files []string) [sha256.Size]byte {
	hash := sha256.New()
	for _, file := range files {
		fmt.Fprintf(hash, "%q", file)
		var st unix.Stat_t
		if err := unix.Stat(file, &st); err != nil {
			fmt.Fprintf(hash, "%v\n", err)
			continue
		}
		// The change time shows what a program that sets times back hides.
		fmt.Fprintln(hash, st.Dev, st.Ino, st.Mode, st.Size, st.Mtim, st.Ctim)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// settle is how long nothing must have changed before the policy is read, so
// that several files, or a file and its mode, count as one change.
const settle = 100 * time.Millisecond

// unrest is how long that is waited for: there are folders with changes all
// the time.
const unrest = time.Second

// reloader reads the policy again when its files change.
type reloader struct {
	source policySource
	load   func() (*policy.Policy, error) // instead of the source's own, unless nil
	judged bool                           // the gate judges plain TCP
	apply  func(*policy.Policy)
	keep   func(why error) // told why nothing is applied, unless nil
	log    *slog.Logger    // told of what goes right
	alarms *slog.Logger    // told of what goes wrong

	// polls has the files looked at from time to time rather than watched: a
	// user has 128 inotify instances for all programs, and there are as many of
	// `ssa run` as there are programs.
	polls bool

	forced  atomic.Bool // by reloadNow
	watch   *sys.Watch  // nil where the files are looked at
	changes chan struct{}
	stopped chan struct{} // closed when the watching has ended
	done    chan struct{} // closed when the loading has ended
}

// watchAfter is how long a program runs before the folders are watched: most
// end sooner, and taking a watched folder back costs the kernel more than all
// else of a short run (it waits until no processor looks at the watch any more,
// fsnotify_wait_marks_destroyed in its fs/notify/mark.c). What changes before
// shows in the first look at the files.
const watchAfter = 300 * time.Millisecond

// startReloader begins to watch, or will. The policy in force is that of a
// state which the caller took before reading it, so that no change is missed.
func startReloader(r *reloader, inForce [sha256.Size]byte) *reloader {
	r.changes, r.stopped, r.done = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	if !r.polls {
		var err error
		if r.watch, err = sys.NewWatch(); err != nil {
			r.log.Info(fmt.Sprintf("the policy's files are looked at every %v, since they cannot be watched: %v (the sysctl fs.inotify.max_user_instances says how many a user may have)", pollEvery, err))
		}
	}
	if r.watch != nil {
		go r.await()
	}
	go r.run(inForce)
	return r
}

// pollEvery is how often files are looked at that are not watched.
const pollEvery = time.Second

// close ends the watching and waits until nothing is applied any more.
func (r *reloader) close() (err error) {
	if r.watch != nil {
		err = r.watch.Close()
	} else {
		close(r.stopped)
	}
	<-r.done
	return err
}

// reloadNow has the policy read again, whether its files have changed or not.
func (r *reloader) reloadNow() {
	r.forced.Store(true)
	select {
	case r.changes <- struct{}{}:
	default:
	}
}

// watchAll watches every folder that is there.
func (r *reloader) watchAll() {
	if r.watch == nil {
		return
	}
	for _, folder := range r.source.folders() {
		err := r.watch.Add(folder)
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		case errors.Is(err, os.ErrClosed):
			return
		default:
			r.alarms.Error("changes of the policy may be missed: " + err.Error())
			return
		}
	}
}

// await passes changes on, until the watch is closed.
func (r *reloader) await() {
	defer close(r.stopped)
	for {
		if err := r.watch.Wait(); err != nil {
			if !errors.Is(err, os.ErrClosed) {
				r.alarms.Error("the policy is no longer watched: " + err.Error())
			}
			return
		}
		select {
		case r.changes <- struct{}{}:
		default:
		}
	}
}

func (r *reloader) run(inForce [sha256.Size]byte) {
	defer close(r.done)
	timer := time.NewTimer(watchAfter)
	defer timer.Stop()
	for {
		select {
		case <-r.stopped:
			return
		case <-timer.C:
			if r.watch == nil {
				timer.Reset(pollEvery)
				if r.source.state() == inForce {
					continue
				}
			}
			r.watchAll()
		case <-r.changes:
		}
		if !r.calm() {
			return
		}
		// Folders may be new, or others under the same name. They are watched
		// before the files are looked at, so that nothing falls in between.
		r.watchAll()
		if now := r.source.state(); now != inForce || r.forced.Swap(false) {
			inForce = now
			r.reload()
		}
	}
}

// calm waits until nothing changes any more; false when the watch is over.
func (r *reloader) calm() bool {
	timer, limit := time.NewTimer(settle), time.NewTimer(unrest)
	defer timer.Stop()
	defer limit.Stop()
	for {
		select {
		case <-r.stopped:
			return false
		case <-r.changes:
			timer.Reset(settle)
		case <-timer.C:
			return true
		case <-limit.C:
			return true
		}
	}
}

// reload takes a new policy, whole, or leaves everything as it is.
func (r *reloader) reload() {
	load := r.load
	if load == nil {
		load = r.source.load
	}
	rules, err := load()
	if err == nil && !r.judged && socket.JudgesPlainTCP(rules) {
		err = errJudges
	}
	if err != nil {
		r.alarms.Error("policy not reloaded: " + err.Error())
		if r.keep != nil {
			r.keep(err)
		}
		return
	}
	r.apply(rules)
	for _, w := range rules.Warnings() {
		r.log.Warn(w.String())
	}
	r.log.Info("policy reloaded: it holds for sockets made from now on")
}
