package transparency_test

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust/transparency"
)

func listOf(t testing.TB, logs ...*ssatest.Log) *transparency.List {
	t.Helper()
	list, err := transparency.Parse(ssatest.LogList(t, time.Now(), logs...))
	if err != nil {
		t.Fatalf("parse the log list: %v", err)
	}
	return list
}

func TestCheck(t *testing.T) {
	now := time.Now()
	root := ssatest.NewAuthority(t)
	a, b, c := ssatest.NewLog(t, "log a", "Alpha"), ssatest.NewLog(t, "log b", "Beta"),
		ssatest.NewLog(t, "log c", "Gamma")
	second := ssatest.NewLog(t, "log a2", "Alpha")
	stranger := ssatest.NewLog(t, "stranger", "Nobody")
	state := func(l *ssatest.Log, name string, at time.Time) *ssatest.Log {
		changed := *l
		changed.State, changed.At = name, at
		return &changed
	}
	sharded := *b
	sharded.From, sharded.To = now.Add(24*time.Hour), now.Add(48*time.Hour)
	leaf := ssatest.Leaf{Names: []string{"a.example"}}
	long := ssatest.Leaf{Names: []string{"a.example"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(200 * 24 * time.Hour)}
	logged := func(l ssatest.Leaf, logs ...*ssatest.Log) []*x509.Certificate {
		return []*x509.Certificate{root.IssueLogged(t, l, logs...).Leaf(), root.Certificate()}
	}
	plain := []*x509.Certificate{root.Issue(t, leaf).Leaf(), root.Certificate()}
	stamps := func(at time.Time, logs ...*ssatest.Log) (out [][]byte) {
		for _, l := range logs {
			out = append(out, l.Timestamp(t, plain[0], at))
		}
		return out
	}
	damaged := stamps(now, a, b)
	damaged[1][len(damaged[1])-1] ^= 1
	for _, test := range []struct {
		name     string
		list     []*ssatest.Log
		chain    []*x509.Certificate
		evidence transparency.Evidence
		want     []string // logs
		err      string
	}{
		{name: "embedded", chain: logged(leaf, a, b), want: []string{"log a", "log b"}},
		{name: "in the handshake", chain: plain, evidence: transparency.Evidence{TLS: stamps(now, a, b)}, want: []string{"log a", "log b"}},
		{name: "in the staple", chain: plain, evidence: transparency.Evidence{OCSP: ssatest.TimestampList(stamps(now, a, b)...)}, want: []string{"log a", "log b"}},
		{name: "from both", chain: plain, evidence: transparency.Evidence{OCSP: ssatest.TimestampList(stamps(now, a)...), TLS: stamps(now, b)}, want: []string{"log a", "log b"}},
		{name: "none", chain: plain, err: "it came without any signed certificate timestamp"},
		{name: "one", chain: logged(leaf, a), err: "1 of its 1 signed certificate timestamps count, and 2 logs are needed"},
		{name: "one, twice", chain: logged(leaf, a, a), err: "1 of its 2 signed certificate timestamps count"},
		{name: "one operator", list: []*ssatest.Log{a, second}, chain: logged(leaf, a, second), err: "of one operator"},
		{name: "long, two", chain: logged(long, a, b), err: "2 of its 2 signed certificate timestamps count, and 3 logs are needed"},
		{name: "long, three", chain: logged(long, a, b, c), want: []string{"log a", "log b", "log c"}},
		{name: "unknown log", chain: logged(leaf, a, stranger), err: "of a log that the list does not name"},
		{name: "another certificate's", chain: []*x509.Certificate{root.Issue(t, leaf).Leaf(), root.Certificate()}, evidence: transparency.Evidence{TLS: stamps(now, a, b)},
			err: "the timestamp of the log log a is not for this certificate"},
		{name: "embedded, another issuer", chain: []*x509.Certificate{logged(leaf, a, b)[0], ssatest.NewAuthority(t).Certificate()}, err: "is not for this certificate"},
		{name: "damaged", chain: plain, evidence: transparency.Evidence{TLS: damaged}, err: "the timestamp of the log log b is not for this certificate"},
		{name: "of the future", chain: plain, evidence: transparency.Evidence{TLS: stamps(now.Add(6*time.Minute), a, b)}, err: "is in the future"},
		{name: "pending", list: []*ssatest.Log{a, state(b, "pending", now)}, chain: logged(leaf, a, b), err: "the log log b is not usable"},
		{name: "rejected", list: []*ssatest.Log{a, state(b, "rejected", now)}, chain: logged(leaf, a, b), err: "the log log b is not usable"},
		{name: "read-only", list: []*ssatest.Log{a, state(b, "readonly", now)}, chain: logged(leaf, a, b), want: []string{"log a", "log b"}},
		{name: "retired after", list: []*ssatest.Log{a, state(b, "retired", now)}, chain: logged(leaf, a, b), want: []string{"log a", "log b"}},
		{name: "retired before", list: []*ssatest.Log{a, state(b, "retired", now.Add(-time.Hour))}, chain: logged(leaf, a, b), err: "was retired on"},
		{name: "both retired", list: []*ssatest.Log{state(a, "retired", now), state(b, "retired", now)}, chain: logged(leaf, a, b), err: "are retired"},
		{name: "outside the interval", list: []*ssatest.Log{a, &sharded}, chain: logged(leaf, a, b), err: "the log log b takes no certificates that expire on"},
		{name: "malformed", chain: plain, evidence: transparency.Evidence{TLS: [][]byte{nil, {0}, {1}, make([]byte, 100)}}, err: "a timestamp in the handshake is malformed"},
		{name: "malformed list", chain: plain, evidence: transparency.Evidence{OCSP: []byte{0, 3, 0, 9, 1}}, err: "it came without any"},
		{name: "no issuer", chain: logged(leaf, a, b)[:1], err: "it came without any"},
		{name: "no certificate", err: "there is no certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.list == nil {
				test.list = []*ssatest.Log{a, b, c}
			}
			report, err := listOf(t, test.list...).Check(test.chain, test.evidence, now)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil || !slices.Equal(report.Logs, test.want) {
				t.Errorf("logs %q and error %v, want %q", report.Logs, err, test.want)
			}
		})
	}
}

// Not more than 32 timestamps are looked at, so a peer cannot make work.
func TestManyTimestamps(t *testing.T) {
	root := ssatest.NewAuthority(t)
	leaf := root.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}).Leaf()
	a, b := ssatest.NewLog(t, "a", "A"), ssatest.NewLog(t, "b", "B")
	list := listOf(t, a, b)
	var stamps [][]byte
	for range 31 {
		stamps = append(stamps, a.Timestamp(t, leaf, time.Now()))
	}
	chain := []*x509.Certificate{leaf, root.Certificate()}
	last := b.Timestamp(t, leaf, time.Now())
	if _, err := list.Check(chain, transparency.Evidence{TLS: append(slices.Clone(stamps), last)},
		time.Now()); err != nil {
		t.Errorf("the 32nd does not count: %v", err)
	}
	if _, err := list.Check(chain, transparency.Evidence{TLS: append(append(stamps, nil), last)},
		time.Now()); err == nil {
		t.Error("the 33rd counts")
	}
}

// FuzzTimestamps: timestamps that were changed never count.
func FuzzTimestamps(f *testing.F) {
	root := ssatest.NewAuthority(f)
	a, b := ssatest.NewLog(f, "a", "A"), ssatest.NewLog(f, "b", "B")
	list := listOf(f, a, b)
	leaf := root.Issue(f, ssatest.Leaf{Names: []string{"a.example"}}).Leaf()
	chain := []*x509.Certificate{leaf, root.Certificate()}
	now := time.Now()
	first, second := a.Timestamp(f, leaf, now), b.Timestamp(f, leaf, now)
	f.Add(ssatest.TimestampList(first, second))
	f.Add(ssatest.TimestampList(first, first))
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := list.Check(chain, transparency.Evidence{OCSP: data}, now)
		whole := strings.Contains(string(data), string(first)) &&
			strings.Contains(string(data), string(second))
		if err == nil && !whole {
			t.Errorf("accepted with the logs %q, though no two logs signed that", report.Logs)
		}
	})
}
