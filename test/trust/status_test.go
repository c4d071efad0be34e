//go:build linux

package trust

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// published issues a leaf that names a responder or a distribution point.
func (w *world) published(responder, point bool, extra ...pkix.Extension) *ssatest.Issued {
	return w.root.Issue(w, ssatest.Leaf{Names: []string{host}, Edit: func(c *x509.Certificate) {
		c.ExtraExtensions = extra
		if responder {
			c.OCSPServer = []string{w.url + "/ocsp"}
		}
		if point {
			c.CRLDistributionPoints = []string{w.url + "/crl"}
		}
	}})
}

// answered serves a leaf whose responder gives an answer.
func answered(level string,
	answer func(w *world, cert *x509.Certificate) []byte) func(*world) *tls.Config {
	return func(w *world) *tls.Config {
		w.trust("revocation: "+level, "revocation_networks: any")
		issued := w.published(true, false)
		w.publish("/ocsp", func() []byte { return answer(w, issued.Leaf()) })
		return with(issued)
	}
}

// listed serves a leaf whose distribution point has a list.
func listed(level string,
	list func(cert *x509.Certificate) ssatest.RevocationList) func(*world) *tls.Config {
	return func(w *world) *tls.Config {
		w.trust("revocation: "+level, "revocation_networks: any")
		issued := w.published(false, true)
		w.publish("/crl", func() []byte { return w.root.RevocationList(w, list(issued.Leaf())) })
		return with(issued)
	}
}

// stapled serves a leaf with a staple, nil for none.
func stapled(level string, answer *ssatest.OCSPAnswer,
	extra ...pkix.Extension) func(*world) *tls.Config {
	return func(w *world) *tls.Config {
		w.trust("revocation: " + level)
		config := with(w.published(false, false, extra...))
		if answer != nil {
			config.Certificates[0].OCSPStaple = w.root.OCSP(w, config.Certificates[0].Leaf, *answer)
		}
		return config
	}
}

func (w *world) listFile(data []byte) string {
	path := filepath.Join(filepath.Dir(w.roots[0]), "local.crl")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		w.Fatal(err)
	}
	return path
}

func TestRevocation(t *testing.T) {
	revoked := ssatest.OCSPAnswer{Status: ocsp.Revoked, Reason: 1}
	old := ssatest.OCSPAnswer{From: time.Now().Add(-2 * day), To: time.Now().Add(-day)}
	must := ssatest.MustStaple()
	run(t, []site{
		{name: "revoked and nobody asks", serve: stapled("off", &revoked)},
		{name: "revoked by staple", serve: stapled("prefer", &revoked), words: []string{"was revoked on", "key was compromised", "stapled OCSP response"}},
		{name: "good by staple", serve: stapled("require", &ssatest.OCSPAnswer{})},
		{name: "old staple", serve: stapled("require", &old), words: []string{"not known whether", "it expired on"}},
		{name: "no staple, required", serve: stapled("require", nil), words: []string{"not known whether", "names no place to ask", "trust.revocation"}},
		{name: "no staple, preferred", serve: stapled("prefer", nil)},
		{name: "must staple and does", serve: stapled("prefer", &ssatest.OCSPAnswer{}, must)},
		{name: "must staple and does not", serve: stapled("prefer", nil, must), words: []string{"must-staple", "none came", "turn OCSP stapling on"}},
		{name: "must staple, old staple", serve: stapled("prefer", &old, must), words: []string{"must-staple", "it expired on"}},

		{name: "revoked by responder",
			serve: answered("prefer",
				func(w *world, c *x509.Certificate) []byte { return w.root.OCSP(w, c, revoked) }),
			words: []string{"was revoked on", "the OCSP responder http://127.0.0.1"}},
		{name: "good by responder", serve: answered("require", func(w *world, c *x509.Certificate) []byte { return w.root.OCSP(w, c, ssatest.OCSPAnswer{}) })},
		{name: "good by delegate", serve: answered("require", func(w *world, c *x509.Certificate) []byte {
			return w.root.OCSP(w, c, ssatest.OCSPAnswer{Responder: w.root.Responder(w, nil)})
		})},
		{name: "delegate without the usage",
			serve: answered("require", func(w *world, c *x509.Certificate) []byte {
				return w.root.OCSP(w, c,
					ssatest.OCSPAnswer{Responder: w.root.Responder(w,
						func(c *x509.Certificate) { c.ExtKeyUsage = nil })})
			}), words: []string{"not for signing OCSP responses"}},
		{name: "responder of someone else",
			serve: answered("require", func(w *world, c *x509.Certificate) []byte {
				return ssatest.NewAuthority(w).OCSP(w, c, ssatest.OCSPAnswer{})
			}), words: []string{"not signed by the authority"}},
		{name: "responder of garbage", serve: answered("require", func(*world, *x509.Certificate) []byte { return []byte("no answer") }), words: []string{"malformed"}},
		{name: "responder of too much", serve: answered("require", func(*world, *x509.Certificate) []byte { return make([]byte, 65<<10) }), words: []string{"more than 65536"}},
		{name: "responder of garbage, preferred", serve: answered("prefer", func(*world, *x509.Certificate) []byte { return nil })},
		{name: "responder inside, public only", serve: func(w *world) *tls.Config {
			w.trust("revocation: require")
			return with(w.published(true, false))
		}, words: []string{"127.0.0.1 is not a public address", "trust.revocation_networks"}},

		{name: "revoked by list",
			serve: listed("prefer", func(c *x509.Certificate) ssatest.RevocationList {
				return ssatest.RevocationList{Revoked: []*x509.Certificate{c}, Reason: 4}
			}), words: []string{"was revoked on", "superseded", "the revocation list http://127.0.0.1"}},
		{name: "good by list", serve: listed("require", func(*x509.Certificate) ssatest.RevocationList { return ssatest.RevocationList{} })},
		{name: "old list", serve: listed("require", func(*x509.Certificate) ssatest.RevocationList {
			return ssatest.RevocationList{To: time.Now().Add(-day), From: time.Now().Add(-2 * day)}
		}), words: []string{"not known whether", "it expired on"}},
		{name: "revoked by local list", serve: func(w *world) *tls.Config {
			config := with(w.root.Issue(w, named(host)))
			w.trust("revocation: prefer",
				"crl_files: ["+w.listFile(w.root.RevocationList(w, ssatest.RevocationList{
					Revoked: []*x509.Certificate{config.Certificates[0].Leaf}}))+"]")
			return config
		}, words: []string{"was revoked on", "local.crl"}},
		{name: "good by local list", serve: func(w *world) *tls.Config {
			w.trust("revocation: require",
				"crl_files: ["+w.listFile(w.root.RevocationList(w, ssatest.RevocationList{}))+"]")
			return with(w.root.Issue(w, named(host)))
		}},
		{name: "intermediate revoked", serve: func(w *world) *tls.Config {
			middle := w.root.IntermediateWith(w, ssatest.AuthorityOptions{Name: "Fallen"})
			w.trust("revocation: prefer",
				"crl_files: ["+w.listFile(w.root.RevocationList(w, ssatest.RevocationList{
					Revoked: []*x509.Certificate{middle.Certificate()}}))+"]")
			return with(middle.Issue(w, named(host)))
		}, words: []string{`intermediate certificate "CN=Fallen" was revoked on`}},
	})
}

func TestTransparency(t *testing.T) {
	logged := func(serve func(w *world, a, b *ssatest.Log) *tls.Config) func(*world) *tls.Config {
		return func(w *world) *tls.Config {
			a, b := ssatest.NewLog(w, "log a", "Alpha"), ssatest.NewLog(w, "log b", "Beta")
			w.trust("transparency: require", "transparency_logs: "+ssatest.LogListFile(w, a, b))
			return serve(w, a, b)
		}
	}
	run(t, []site{
		{name: "no timestamp",
			serve: logged(func(w *world,
				_, _ *ssatest.Log) *tls.Config {
				return with(w.root.Issue(w, named(host)))
			}),
			words: []string{"transparency logs", "without any signed certificate timestamp"}},
		{name: "one timestamp",
			serve: logged(func(w *world,
				a, _ *ssatest.Log) *tls.Config {
				return with(w.root.IssueLogged(w, named(host), a))
			}),
			words: []string{"1 of its 1", "2 logs are needed"}},
		{name: "embedded", serve: logged(func(w *world, a, b *ssatest.Log) *tls.Config { return with(w.root.IssueLogged(w, named(host), a, b)) })},
		{name: "of an unknown log", serve: logged(func(w *world, a, _ *ssatest.Log) *tls.Config {
			return with(w.root.IssueLogged(w, named(host), a, ssatest.NewLog(w, "x", "X")))
		}), words: []string{"of a log that the list does not name"}},
		{name: "in the handshake", serve: logged(func(w *world, a, b *ssatest.Log) *tls.Config {
			config := with(w.root.Issue(w, named(host)))
			leaf := config.Certificates[0].Leaf
			config.Certificates[0].SignedCertificateTimestamps = [][]byte{a.Timestamp(w, leaf, time.Now()),
				b.Timestamp(w, leaf, time.Now())}
			return config
		})},
		{name: "in the staple", serve: logged(func(w *world, a, b *ssatest.Log) *tls.Config {
			config := with(w.root.Issue(w, named(host)))
			leaf := config.Certificates[0].Leaf
			config.Certificates[0].OCSPStaple = w.root.OCSP(w, leaf,
				ssatest.OCSPAnswer{Extensions: []pkix.Extension{
					ssatest.StapledTimestamps(w, a.Timestamp(w, leaf, time.Now()),
						b.Timestamp(w, leaf, time.Now()))}})
			return config
		})},
	})
}

func TestPins(t *testing.T) {
	pinned := func(pin func(w *world, leaf *x509.Certificate) []byte) func(*world) *tls.Config {
		return func(w *world) *tls.Config {
			config := with(w.root.Issue(w, named(host)))
			hash := sha256.Sum256(pin(w, config.Certificates[0].Leaf))
			w.trust(`pins: {"a.example": [sha256/` + base64.StdEncoding.EncodeToString(hash[:]) + "]}")
			return config
		}
	}
	run(t, []site{
		{name: "of the leaf", serve: pinned(func(_ *world, c *x509.Certificate) []byte { return c.RawSubjectPublicKeyInfo })},
		{name: "of the anchor", serve: pinned(func(w *world, _ *x509.Certificate) []byte { return w.root.Certificate().RawSubjectPublicKeyInfo })},
		{name: "of another key", serve: pinned(func(*world, *x509.Certificate) []byte { return []byte("x") }), words: []string{"trust.pins", "a.example", "sha256/"}},
	})
}
