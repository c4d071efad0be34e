package revocation_test

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust/revocation"
	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
)

// place is a responder and a distribution point on the loopback.
type place struct {
	*httptest.Server
	ocsp, list     []byte // nil is "not found"
	asked, fetched atomic.Int32
}

func newPlace(t *testing.T) *place {
	p := &place{}
	serve := func(count *atomic.Int32, body *[]byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			count.Add(1)
			if *body == nil {
				http.NotFound(w, r)
				return
			}
			w.Write(*body)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/ocsp", serve(&p.asked, &p.ocsp))
	mux.Handle("/list", serve(&p.fetched, &p.list))
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *place) leaf(t *testing.T, a *ssatest.Authority) *x509.Certificate {
	return a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}, Edit: func(c *x509.Certificate) {
		c.OCSPServer = []string{"ldap://ignored", p.URL + "/ocsp"}
		c.CRLDistributionPoints = []string{p.URL + "/list"}
	}}).Leaf()
}

func everything() revocation.Rules {
	return revocation.Rules{Stapled: true, OCSP: true, Lists: true, Cached: true, Anywhere: true,
		Timeout: time.Minute}
}

func TestAsk(t *testing.T) {
	root := ssatest.NewAuthority(t)
	for _, test := range []struct {
		name   string
		rules  func(*revocation.Rules)
		staple *ssatest.OCSPAnswer
		ocsp   *ssatest.OCSPAnswer
		list   *ssatest.RevocationList
		// revoke puts the certificate into the list.
		revoke         bool
		want           signed.Status
		by             string
		asked, fetched int32
		tried          string
	}{
		{name: "staple", staple: &ssatest.OCSPAnswer{}, ocsp: &ssatest.OCSPAnswer{Status: ocsp.Revoked}, want: signed.Good, by: "the stapled OCSP response"},
		{name: "staple of a revocation", staple: &ssatest.OCSPAnswer{Status: ocsp.Revoked}, want: signed.Revoked, by: "the stapled OCSP response"},
		{name: "staple does not count", rules: func(r *revocation.Rules) { r.Stapled = false }, staple: &ssatest.OCSPAnswer{}, ocsp: &ssatest.OCSPAnswer{},
			want: signed.Good, by: "the OCSP responder", asked: 1},
		{name: "staple is old", staple: &ssatest.OCSPAnswer{To: time.Now().Add(-time.Hour)}, ocsp: &ssatest.OCSPAnswer{Status: ocsp.Revoked},
			want: signed.Revoked, by: "the OCSP responder", asked: 1, tried: "the stapled OCSP response cannot be used: it expired on"},
		{name: "responder", ocsp: &ssatest.OCSPAnswer{}, list: &ssatest.RevocationList{}, want: signed.Good, by: "the OCSP responder", asked: 1},
		{name: "responder does not know", ocsp: &ssatest.OCSPAnswer{Status: ocsp.Unknown}, list: &ssatest.RevocationList{},
			want: signed.Good, by: "the revocation list", asked: 1, fetched: 1, tried: "the responder does not know the certificate"},
		{name: "list", list: &ssatest.RevocationList{}, revoke: true, want: signed.Revoked, by: "the revocation list", asked: 1, fetched: 1},
		{name: "list only", rules: func(r *revocation.Rules) { r.OCSP = false }, ocsp: &ssatest.OCSPAnswer{}, list: &ssatest.RevocationList{},
			want: signed.Good, by: "the revocation list", fetched: 1},
		{name: "no way", rules: func(r *revocation.Rules) { r.OCSP, r.Lists = false, false }, ocsp: &ssatest.OCSPAnswer{}, list: &ssatest.RevocationList{}},
		{name: "not public", rules: func(r *revocation.Rules) { r.Anywhere = false }, ocsp: &ssatest.OCSPAnswer{}, list: &ssatest.RevocationList{},
			tried: "127.0.0.1 is not a public address, and the policy has trust.revocation_networks: public"},
		{name: "nothing there", asked: 1, fetched: 1, tried: "HTTP status 404"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t)
			cert := p.leaf(t, root)
			var staple []byte
			if test.staple != nil {
				staple = root.OCSP(t, cert, *test.staple)
			}
			if test.ocsp != nil {
				p.ocsp = root.OCSP(t, cert, *test.ocsp)
			}
			if test.list != nil {
				if test.revoke {
					test.list.Revoked = []*x509.Certificate{cert}
				}
				p.list = root.RevocationList(t, *test.list)
			}
			rules := everything()
			if test.rules != nil {
				test.rules(&rules)
			}
			view := revocation.New(revocation.Config{}).Under(rules)
			for _, when := range []string{"first", "again"} { // the second time nothing is fetched
				a := view.Ask(t.Context(), cert, root.Certificate(), staple)
				if a.Status != test.want || when == "first" && !strings.HasPrefix(a.By, test.by) {
					t.Errorf("%s: %v by %q, want %v by %q; tried %q", when, a.Status, a.By, test.want,
						test.by, a.Tried)
				}
				if tried := strings.Join(a.Tried, "\n"); when == "first" &&
					!strings.Contains(tried, test.tried) {
					t.Errorf("tried %q, want %q", tried, test.tried)
				}
			}
			if p.asked.Load() != test.asked || p.fetched.Load() != test.fetched {
				t.Errorf("the responder was asked %d times and the list fetched %d times, want %d and %d", p.asked.Load(), p.fetched.Load(), test.asked, test.fetched)
			}
		})
	}
}

// What is remembered ends with the statement, and is not another certificate's.
func TestRemembered(t *testing.T) {
	root := ssatest.NewAuthority(t)
	p := newPlace(t)
	now := time.Now()
	cert, other := p.leaf(t, root), p.leaf(t, root)
	p.ocsp = root.OCSP(t, cert, ssatest.OCSPAnswer{To: now.Add(10 * time.Minute)})
	clock := now
	cfg := revocation.Config{Now: func() time.Time { return clock }}
	view := revocation.New(cfg).Under(everything())
	ask := func(c *x509.Certificate) signed.Status {
		return view.Ask(t.Context(), c, root.Certificate(), nil).Status
	}
	for _, step := range []struct {
		after time.Duration
		cert  *x509.Certificate
		want  signed.Status
		asked int32
	}{
		{0, cert, signed.Good, 1},
		{10 * time.Minute, cert, signed.Good, 1},
		{0, other, signed.Unknown, 2},                // the answer is not about it
		{30 * time.Second, other, signed.Unknown, 2}, // a failure is remembered
		{61 * time.Second, other, signed.Unknown, 3}, // not for long
		{16 * time.Minute, cert, signed.Unknown, 4},  // the statement has ended, and there is no other
	} {
		clock = now.Add(step.after)
		if got := ask(step.cert); got != step.want || p.asked.Load() != step.asked {
			t.Errorf("after %v: %v, asked %d times; want %v, %d", step.after, got, p.asked.Load(), step.want, step.asked)
		}
	}
}

// A responder that gives no answer holds up one connection, not each.
func TestSilentResponder(t *testing.T) {
	root := ssatest.NewAuthority(t)
	var asked atomic.Int32
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the end
		<-r.Context().Done()
	}))
	defer silent.Close()
	issue := func() *x509.Certificate {
		return root.Issue(t, ssatest.Leaf{Names: []string{"a.example"},
			Edit: func(c *x509.Certificate) { c.OCSPServer = []string{silent.URL} }}).Leaf()
	}
	cert := issue()
	rules := everything()
	rules.Timeout = 50 * time.Millisecond
	view := revocation.New(revocation.Config{}).Under(rules)
	ask := func(parent context.Context) string {
		ctx, cancel := view.Limit(parent)
		defer cancel()
		return strings.Join(view.Ask(ctx, cert, root.Certificate(), nil).Tried, "\n")
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if tried := ask(gone); !strings.Contains(tried, "context canceled") {
		t.Errorf("a caller that had gone already is told %q", tried)
	}
	for range 3 {
		if tried := ask(t.Context()); !strings.Contains(tried, "no answer in time") {
			t.Errorf("tried %q, want that there was no answer in time", tried)
		}
	}
	cert = issue() // another one, of the same responder
	if tried := ask(t.Context()); !strings.Contains(tried, "it gave no answer a moment ago either") {
		t.Errorf("tried %q, want that the responder is known to be silent", tried)
	}
	if n := asked.Load(); n > 1 {
		t.Errorf("the responder was asked %d times, want once at most", n)
	}
}

func TestLocalLists(t *testing.T) {
	root, stranger := ssatest.NewAuthority(t),
		ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Stranger"})
	cert := root.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}).Leaf()
	path := filepath.Join(t.TempDir(), "list.crl")
	clock := time.Now()
	write := func(data []byte) {
		t.Helper()
		clock = clock.Add(11 * time.Second) // beyond what is not looked at again
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, clock, clock); err != nil {
			t.Fatal(err)
		}
	}
	rules := everything()
	rules.Files = []string{path}
	checker := revocation.New(revocation.Config{Now: func() time.Time { return clock }})
	view := checker.Under(rules)
	onlyRevocations := everything()
	onlyRevocations.Files, onlyRevocations.Lists = rules.Files, false
	want := func(view *revocation.View, want signed.Status, tried string) {
		t.Helper()
		a := view.Ask(context.Background(), cert, root.Certificate(), nil)
		if a.Status != want || !strings.Contains(strings.Join(a.Tried, "\n"), tried) {
			t.Errorf("%v, tried %q; want %v, tried %q", a.Status, a.Tried, want, tried)
		}
	}
	want(view, signed.Unknown, "no such file")
	write(root.RevocationList(t, ssatest.RevocationList{}))
	want(view, signed.Good, "")
	want(checker.Under(onlyRevocations), signed.Unknown, "")
	write(root.RevocationList(t, ssatest.RevocationList{Revoked: []*x509.Certificate{cert}}))
	want(view, signed.Revoked, "")
	want(checker.Under(onlyRevocations), signed.Revoked, "")
	write(stranger.RevocationList(t, ssatest.RevocationList{}))
	want(view, signed.Unknown, "the certificate names no place to ask")
	write([]byte("no list"))
	want(view, signed.Unknown, "malformed")
}

// TestListProblems: a list that cannot say who is not revoked is told of once
// for each thing that is wrong with it, also when that comes with time.
func TestListProblems(t *testing.T) {
	root := ssatest.NewAuthority(t)
	cert := leafOf(t, root)
	path := filepath.Join(t.TempDir(), "list")
	write := func(l ssatest.RevocationList) {
		if err := os.WriteFile(path, root.RevocationList(t, l), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	clock := time.Now()
	c := revocation.New(revocation.Config{Log: slog.New(slog.NewTextHandler(&log, nil)),
		Now: func() time.Time { return clock }})
	told := func(step, want string, times int) {
		t.Helper()
		err := c.Problem(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want something about %q", step, err, want)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != times {
			t.Errorf("%s: %d warnings, want %d:\n%s", step, n, times, log.String())
		}
	}
	told("no file", "cannot be used", 1)
	told("no file, again", "cannot be used", 1)
	clock = clock.Add(time.Minute)
	write(ssatest.RevocationList{To: clock.Add(30 * time.Minute), Revoked: []*x509.Certificate{cert}})
	told("a list", "", 1)
	clock = clock.Add(time.Hour)
	told("out of date", "counts only for those that it names: it expired on", 2)
	told("out of date, again", "it expired on", 2)
	answer := c.Under(revocation.Rules{Files: []string{path}}).Ask(context.Background(), cert,
		root.Certificate(), nil)
	if answer.Status != signed.Revoked {
		t.Errorf("what an old list names is %v", answer.Status)
	}
}

func leafOf(t *testing.T, a *ssatest.Authority) *x509.Certificate {
	return a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}).Leaf()
}
