package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy/bundle"
	"github.com/secure-socket-api/ssa/internal/service/monitor"
)

// handOver loads a policy as the monitor does, and then as the worker does.
func handOver(t *testing.T, b *bundler, r *received) {
	t.Helper()
	direct, err := b.load()
	if err != nil {
		t.Fatal(err)
	}
	read, err := bundle.Decode(b.take())
	if err != nil {
		t.Fatal(err)
	}
	rules, err := r.load(&monitor.Policy{Bundle: read})
	if err != nil {
		t.Fatal(err)
	}
	if !rules.Default().Roots().Equal(direct.Default().Roots()) {
		t.Error("the worker has other roots than the monitor")
	}
	if b.take() != nil {
		t.Error("the monitor still holds the keys that were handed over")
	}
}

// TestRevocationListsAreHandedOver: a worker opens no file, and sees those that
// are renewed all the same.
func TestRevocationListsAreHandedOver(t *testing.T) {
	dir := t.TempDir()
	list, file := filepath.Join(dir, "a.crl"), filepath.Join(dir, "policy.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(list, "old")
	write(file, "default: {trust: {crl_files: [a.crl]}}\n")
	b := &bundler{source: policySource{file: file, root: "/"}}
	r := &received{source: b.source}
	handOver(t, b, r)
	before := b.listState()
	want := func(text string) {
		t.Helper()
		info, statErr := fs.Stat(r, fsPath(list))
		data, err := fs.ReadFile(r, fsPath(list))
		if err != nil || statErr != nil || string(data) != text || info.Size() != int64(len(text)) {
			t.Errorf("the worker reads %q, %v, %v; want %q", data, err, statErr, text)
		}
	}
	want("old")
	write(list, "a new one")
	want("old")
	if b.listState() == before {
		t.Error("the monitor does not see that the list has changed")
	}
	handOver(t, b, r)
	want("a new one")
	write(file, "default: {}\n") // servers that listen keep the policy they have
	handOver(t, b, r)
	want("a new one")
	if _, err := fs.ReadFile(r, fsPath(file)); err == nil {
		t.Error("the worker keeps more than revocation lists")
	}
}

func TestWorkerRefusesWhatIsNotThere(t *testing.T) {
	empty, err := bundle.Decode(bundle.NewRecorder(nil).Encode())
	if err != nil {
		t.Fatal(err)
	}
	_, err = policySource{file: "/etc/ssa/none.yaml", root: "/"}.from(empty).load()
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a policy that was not handed over: %v", err)
	}
}

func TestWorkerEnvironment(t *testing.T) {
	got := workerEnvironment([]string{"PATH=/bin", "GOGC=50", "NOTIFY_SOCKET=/run/x", "TZ=UTC",
		"AWS_SECRET=x", "GOOGLE_API_KEY=x", "LISTEN_FDS=1", "JOURNAL_STREAM=8:1"})
	if want := []string{"GOGC=50", "TZ=UTC", "JOURNAL_STREAM=8:1"}; !slices.Equal(got, want) {
		t.Errorf("a worker gets %v, want %v", got, want)
	}
}
