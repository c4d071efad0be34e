package local

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust/revocation"
)

// A response is replaced in the middle of its time, shown while it holds
// although there is no new one, and taken back when the certificate was revoked.
func TestStaplesAreKeptFresh(t *testing.T) {
	cert := ssatest.NewAuthority(t).Issue(t, ssatest.Leaf{Names: []string{"a.example"}}).TLS
	pol := policy.Builtin().Default()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := newStaplers(Config{Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
		var mu sync.Mutex
		var fail error
		fetches := 0
		failing := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			fail = err
		}
		s.fetch = func(context.Context, *tls.Certificate, *policy.Effective) ([]byte, time.Time, error) {
			mu.Lock()
			defer mu.Unlock()
			if fail != nil {
				return nil, time.Time{}, fail
			}
			fetches++
			return fmt.Append(nil, fetches), time.Now().Add(4 * time.Hour), nil
		}
		step := func(after time.Duration, want string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := string(s.staple(&cert, pol).OCSPStaple); got != want {
				t.Errorf("after %v more the staple is %q, want %q", after, got, want)
			}
			synctest.Wait()
		}
		s.staple(&cert, pol) // the first use starts it
		step(0, "1")
		step(2*time.Hour-time.Second, "1")
		step(2*time.Second, "2")
		failing(errors.New("out of order"))
		step(3*time.Hour, "2")
		step(time.Hour, "") // it has ended
		if n := strings.Count(log.String(), "out of order"); n != 1 {
			t.Errorf("the failure is logged %d times, want 1:\n%s", n, log.String())
		}
		failing(nil)
		step(time.Hour, "3")
		failing(fmt.Errorf("%w yesterday", revocation.ErrRevoked))
		step(3*time.Hour, "")
		if !strings.Contains(log.String(), "was revoked yesterday") {
			t.Errorf("the revocation is not logged:\n%s", log.String())
		}
		if len(cert.OCSPStaple) != 0 {
			t.Error("the certificate itself was changed")
		}
		s.close()
		step(24*time.Hour, "")
	})
}

// Certificates that are not shown any more are not asked about for ever, and
// their number is bounded.
func TestStaplersAreBounded(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	cert := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}).TLS
	synctest.Test(t, func(t *testing.T) {
		s := newStaplers(Config{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		defer s.close()
		s.fetch = func(context.Context, *tls.Certificate, *policy.Effective) ([]byte, time.Time, error) {
			return []byte("response"), time.Now().Add(time.Hour), nil
		}
		for i := range maxStaplers + 10 {
			pol := *policy.Builtin().Default()
			pol.RevocationTimeout = time.Duration(i + 1)
			s.staple(&cert, &pol)
		}
		if n := len(s.byKey); n != maxStaplers {
			t.Errorf("%d certificates are cared for, want %d", n, maxStaplers)
		}
		time.Sleep(staplerIdle + time.Hour)
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if n := len(s.byKey); n != 0 {
			t.Errorf("%d certificates are cared for a day after their last use, want none", n)
		}
	})
}
