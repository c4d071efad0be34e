package revocation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func entryOf(value string, size int, now time.Time) *cached[string] {
	return &cached[string]{value: value, size: size, from: now, until: now.Add(time.Minute)}
}

func TestOneFetchForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache[string](10, 10)
		now := time.Now()
		release := make(chan struct{})
		var fetches atomic.Int32
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				got, err := c.get(t.Context(), "key", now, func() *cached[string] {
					fetches.Add(1)
					<-release
					return entryOf("value", 1, now)
				})
				if got != "value" || err != nil {
					t.Errorf("got %q and error %v", got, err)
				}
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		if n := fetches.Load(); n != 1 {
			t.Errorf("%d fetches for 50 that ask at once, want 1", n)
		}
	})
}

// A caller who gives up neither takes the others along nor leaves a failure.
func TestLeaderGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache[string](10, 10)
		now := time.Now()
		impatient, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := c.get(impatient, "key", now, func() *cached[string] {
				<-impatient.Done()
				entry := entryOf("", 1, now)
				entry.err, entry.passing = impatient.Err(), true
				return entry
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the impatient one got %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			got, err := c.get(t.Context(), "key", now,
				func() *cached[string] { return entryOf("value", 1, now) })
			if got != "value" || err != nil {
				t.Errorf("the patient one got %q and error %v", got, err)
			}
		})
		gone, leave := context.WithCancel(t.Context())
		all.Go(func() {
			if _, err := c.get(gone, "key", now, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("a waiter that gave up got %v", err)
			}
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		cancel()
		all.Wait()
	})
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache[string](3, 100)
	now := time.Now()
	for i := range 10 {
		entry := entryOf("v", 10, now)
		entry.key = fmt.Sprint(i)
		c.add(entry)
	}
	big := entryOf("v", 90, now)
	big.key = "big"
	c.add(big)
	huge := entryOf("v", 101, now)
	huge.key = "huge"
	c.add(huge)
	for key, want := range map[string]bool{"0": false, "8": false, "9": true, "big": true,
		"huge": false} {
		if _, ok := c.find(key, now); ok != want {
			t.Errorf("%s is kept: %v, want %v", key, ok, want)
		}
	}
	if c.size != 100 || c.recent.Len() != 2 || len(c.byKey) != 2 {
		t.Errorf("size %d of %d entries, want 100 of 2", c.size, c.recent.Len())
	}
	for name, at := range map[string]time.Time{"later": now.Add(time.Minute),
		"a clock set back": now.Add(-time.Second)} {
		entry := entryOf("v", 1, now)
		entry.key = "x"
		c.add(entry)
		if _, ok := c.find("x", at); ok {
			t.Errorf("%s: still there", name)
		}
	}
}
