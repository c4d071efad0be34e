package sys

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// WithoutSignals runs f on a thread that no signal can interrupt: the Go
// runtime sends its threads signals of its own (SIGURG, to preempt goroutines),
// and some system calls must not end half done. f must be short.
func WithoutSignals(f func() error) error {
	runtime.LockOSThread() // the mask is the thread's, pthread_sigmask(3)
	defer runtime.UnlockOSThread()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &all, &before); err != nil {
		return fmt.Errorf("blocking signals: %w", err)
	}
	err := f()
	if restore := unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil); restore != nil && err == nil {
		err = fmt.Errorf("letting signals in again: %w", restore)
	}
	return err
}
